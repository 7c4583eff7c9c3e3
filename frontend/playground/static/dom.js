// Making and finding elements.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Return an element. `on…` are listeners, `class` is the class, all else attributes; null: none. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Tell people who cannot see the page. */
export function say(text) {
  $("#live").textContent = text;
}

/** Show a line above everything, or none. */
export function showBanner(text) {
  $("#banner").textContent = text ?? "";
  $("#banner").hidden = !text;
}

/** Fill a list of choices: [value, words]. */
export function fill(select, choices, chosen) {
  select.replaceChildren(...choices.map(([value, words]) =>
    h("option", { value, selected: value === chosen }, words)));
}

export const formatSeconds = (seconds) => `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
