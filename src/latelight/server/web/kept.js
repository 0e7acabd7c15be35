/**
 * Pictures that were searched with, kept in this browser for a day, so that their search can be reloaded and gone back
 * to. They go nowhere else; where nothing can be kept (some private windows) they last as long as the page.
 *
 * @typedef {{name: string, file: File, at: number}} Kept
 */

const DATABASE = "latelight";
const PICTURES = "pictures";
const MOST = 12;
const DAY_MS = 86_400_000;

/** @type {Map<string, File>} */
const here = new Map();

/** @param {File} file @returns {string} the name under which it is found again */
export function keepPicture(file) {
  const name = `${file.name || "pasted"}-${Date.now()}`;
  here.set(name, file);
  stored("readwrite", (store) => store.put({ name, file, at: Date.now() }))
    .then(tidy)
    .catch(() => {});
  return name;
}

/** @param {string} name @returns {File | null} as long as it was kept or recalled since the page was loaded */
export function pictureHere(name) {
  return here.get(name) ?? null;
}

/** @param {string} name @returns {Promise<File | null>} */
export async function recallPicture(name) {
  if (here.has(name)) return pictureHere(name);
  /** @type {Kept | undefined} */
  const kept = await stored("readonly", (store) => store.get(name)).catch(() => undefined);
  if (!kept || kept.at < Date.now() - DAY_MS) return null;
  here.set(name, kept.file);
  return kept.file;
}

/** Forget what is older than a day, and all but the last few. */
async function tidy() {
  /** @type {Kept[]} */
  const kept = await stored("readonly", (store) => store.getAll());
  kept.sort((a, b) => b.at - a.at);
  const gone = kept.filter((one, i) => i >= MOST || one.at < Date.now() - DAY_MS);
  for (const { name } of gone) await stored("readwrite", (store) => store.delete(name));
}

/** @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest} ask @returns {Promise<any>} */
async function stored(mode, ask) {
  const database = await opened();
  try {
    return await answered(ask(database.transaction(PICTURES, mode).objectStore(PICTURES)));
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function opened() {
  const asked = indexedDB.open(DATABASE, 1);
  asked.addEventListener("upgradeneeded", () =>
    asked.result.createObjectStore(PICTURES, { keyPath: "name" }),
  );
  return answered(asked);
}

/** @param {IDBRequest} asked @returns {Promise<any>} */
function answered(asked) {
  return new Promise((resolve, reject) => {
    asked.addEventListener("success", () => resolve(asked.result));
    asked.addEventListener("error", () => reject(asked.error));
  });
}

window.addEventListener("load", () => tidy().catch(() => {}));
