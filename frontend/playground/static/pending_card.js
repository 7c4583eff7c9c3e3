// A sound that is being made: where it is, how to stop it, and what went wrong.

import { $, h, say } from "./dom.js";

/** Return a card that shows `title`; it has `progress(job)`, `fail(refusal)` and `signal`. */
export function makePendingCard(title, tryAgain) {
  const stopping = new AbortController();
  const bar = h("progress", { "aria-label": `Progress of ${title}` });
  const where = h("p", { class: "facts where" }, "Asking");
  const stop = h("button", { type: "button", class: "quiet cancel", onclick: () => stopping.abort() }, "Cancel");
  const card = h("article", { class: "sound pending", "aria-label": `${title}, being made` },
    h("header", {}, h("h2", {}, title), where), bar, h("div", { class: "actions" }, stop));
  card.signal = stopping.signal;
  card.progress = (job) => showProgress(job, bar, where);
  card.fail = (error) => showFailure(card, error, tryAgain);
  return card;
}

function showProgress(job, bar, where) {
  if (job.status === "running" && job.steps) {
    bar.max = job.steps;
    bar.value = job.steps_done ?? 0;
    where.textContent = `Step ${job.steps_done ?? 0} of ${job.steps}`;
  } else if (job.status === "queued") {
    bar.removeAttribute("value");
    where.textContent = job.position ? `Waiting; ${job.position} before it` : "Waiting for its turn";
  } else {
    where.textContent = "Being made";
  }
}

function showFailure(card, error, tryAgain) {
  const isCancelled = error.name === "AbortError";
  const words = isCancelled ? "Cancelled." : error.message;
  card.classList.add(isCancelled ? "cancelled" : "failed");
  $("progress", card)?.remove();
  $(".where", card).textContent = words;
  say(words);
  const again = h("button", { type: "button", onclick: () => { clearInterval(counting); tryAgain(card); } }, "Try again");
  const drop = h("button", { type: "button", class: "quiet", onclick: () => { clearInterval(counting); card.remove(); } }, "Dismiss");
  $(".actions", card).replaceChildren(again, drop);
  const counting = error.retryAfterS === null || isCancelled ? null : countDown(card, error, tryAgain);
}

/** The server said when to come again: show it, and do. */
function countDown(card, error, tryAgain) {
  let leftS = Math.ceil(error.retryAfterS);
  const tick = () => {
    $(".where", card).textContent = `${error.message} Trying again in ${leftS} s.`;
    if (!card.isConnected) clearInterval(counting);
    else if (leftS <= 0) { clearInterval(counting); tryAgain(card); }
    leftS -= 1;
  };
  const counting = setInterval(tick, 1000);
  tick();
  return counting;
}
