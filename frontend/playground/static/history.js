// What was made, in this browser's own database. Without one (private windows): nothing is kept.

const MAX_KEPT = 100;
const STORE = "sounds";
let opening = null;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("tritone", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" }).createIndex("at", "at");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

async function work(mode, act) {
  const store = (await open()).transaction(STORE, mode).objectStore(STORE);
  const request = act(store);
  return new Promise((resolve, reject) => {
    store.transaction.oncomplete = () => resolve(request?.result);
    store.transaction.onerror = () => reject(store.transaction.error);
  });
}

/** Keep a record; the oldest go. */
export async function remember(record) {
  try {
    await work("readwrite", (store) => store.put(record));
    const keys = await work("readonly", (store) => store.index("at").getAllKeys());
    await Promise.all(keys.slice(0, -MAX_KEPT).map(forgetOne));
  } catch { /* full, or forbidden: the sound is on the page all the same */ }
}

/** Give everything that is kept, the newest first. */
export async function recall() {
  try {
    return (await work("readonly", (store) => store.index("at").getAll())).reverse();
  } catch {
    return [];
  }
}

export const forgetOne = (id) => work("readwrite", (store) => store.delete(id));
export const forgetAll = () => work("readwrite", (store) => store.clear());
