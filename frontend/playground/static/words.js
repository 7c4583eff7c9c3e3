// The words of a text, lit as they are heard.

import { h } from "./dom.js";

/** Return `{element, feed, light}` for a text. */
export function makeWords(text, place) {
  const spans = text.split(/(\s+)/).map((part) => (part.trim() ? h("span", {}, part) : part));
  place.replaceChildren(...spans);
  place.hidden = false;
  const words = spans.filter((each) => typeof each !== "string");
  const times = []; // [start, end] of the words so far, seconds
  let isInside = false;
  return {
    /** Take the alignment of one chunk: characters and their times from the begin of the speech. */
    feed({ characters, character_start_times_seconds: starts, character_end_times_seconds: ends }) {
      isInside = false; // a chunk ends with its sentence or clause
      characters.forEach((character, k) => {
        if (!character.trim()) isInside = false;
        else if (isInside) times.at(-1)[1] = ends[k];
        else { times.push([starts[k], ends[k]]); isInside = true; }
      });
    },
    light(position) {
      words.forEach((word, k) => {
        const [start, end] = times[k] ?? [Infinity, Infinity];
        word.className = position >= end ? "said" : position >= start ? "heard" : "";
      });
    },
  };
}
