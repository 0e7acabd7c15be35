/** Files and folders by drop or choice, with metadata for all of them. */

import { inside, upload } from "../api.js";
import { h, icon, replace, setVars } from "../dom.js";
import { bytes, percent, plural } from "../text.js";
import { valueOf } from "./filters.js";
import { failed } from "./notice.js";

const MOST_FILES = 10_000;

/** @param {import("../api.js").Place} place @param {(job: any) => void} started @returns {HTMLElement} */
export function uploader(place, started) {
  const view = new Uploader(place, started);
  return view.element;
}

class Uploader {
  /** @param {import("../api.js").Place} place @param {(job: any) => void} started */
  constructor(place, started) {
    this._place = place;
    this._started = started;
    this._told = h("div", { class: "upload-told", role: "status" });
    this._rows = h("div", { class: "filter-rows" });
    this._files = h("input", {
      type: "file",
      multiple: true,
      class: "unseen",
      name: "files",
      tabindex: "-1",
      "aria-label": "Files",
      onchange: () => this._chosen(this._files),
    });
    this._folder = h("input", {
      type: "file",
      multiple: true,
      webkitdirectory: true,
      class: "unseen",
      tabindex: "-1",
      "aria-label": "Folder",
      onchange: () => this._chosen(this._folder),
    });
    this.element = h(
      "section",
      { class: "drop", "aria-label": "Add documents" },
      this._target(),
      this._metadata(),
      this._told,
    );
    this._listen();
  }

  _target() {
    return h(
      "div",
      { class: "drop-target" },
      icon("upload"),
      h("p", null, h("strong", null, "Drop files or folders here")),
      h(
        "div",
        { class: "buttons" },
        h(
          "button",
          { type: "button", class: "button is-primary", onclick: () => this._files.click() },
          "Choose files",
        ),
        h(
          "button",
          { type: "button", class: "button", onclick: () => this._folder.click() },
          "Choose a folder",
        ),
      ),
      this._files,
      this._folder,
    );
  }

  _metadata() {
    const add = () => {
      const away = h(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": "Remove this value",
          onclick: () => row.remove(),
        },
        icon("close"),
      );
      const row = h(
        "div",
        { class: "metadata-row" },
        h("input", {
          class: "input",
          placeholder: "name",
          "aria-label": "Name",
          "data-part": "name",
        }),
        h("input", {
          class: "input",
          placeholder: "value",
          "aria-label": "Value",
          "data-part": "value",
        }),
        away,
      );
      this._rows.append(row);
      /** @type {HTMLElement} */ (row.firstElementChild).focus();
    };
    return h(
      "details",
      { class: "metadata" },
      h("summary", null, "Metadata for what is added"),
      h(
        "p",
        { class: "quiet small" },
        "Can be filtered on. It goes to every file that you add next.",
      ),
      this._rows,
      h(
        "button",
        { type: "button", class: "button is-small is-quiet", onclick: add },
        icon("plus"),
        "Value",
      ),
    );
  }

  _listen() {
    this.element.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.element.classList.add("is-target");
    });
    this.element.addEventListener("dragleave", (event) => {
      if (!this.element.contains(/** @type {Node | null} */ (event.relatedTarget)))
        this.element.classList.remove("is-target");
    });
    this.element.addEventListener("drop", async (event) => {
      event.preventDefault();
      this.element.classList.remove("is-target");
      this._send(await filesOf(event.dataTransfer));
    });
  }

  /** @param {HTMLInputElement} input */
  _chosen(input) {
    const files = [...(input.files ?? [])];
    input.value = "";
    this._send(files);
  }

  /** @returns {Record<string, any>} */
  _given() {
    const part = (/** @type {Element} */ row, /** @type {string} */ name) =>
      /** @type {HTMLInputElement} */ (row.querySelector(`[data-part=${name}]`)).value.trim();
    return Object.fromEntries(
      [...this._rows.children]
        .map((row) => [part(row, "name"), valueOf(part(row, "value"))])
        .filter(([name]) => name),
    );
  }

  /** @param {File[]} files */
  async _send(files) {
    if (!files.length) return;
    const size = files.reduce((sum, file) => sum + file.size, 0);
    const bar = h("span", null);
    const said = h("span", null, "0 %");
    replace(
      this._told,
      h(
        "div",
        { class: "job" },
        h("p", null, `Uploading ${plural(files.length, "file")}, ${bytes(size)} · `, said),
        h("div", { class: "meter" }, bar),
      ),
    );
    const form = new FormData();
    form.append("metadata", JSON.stringify(this._given()));
    for (const file of files) form.append("files", file, file.webkitRelativePath || file.name);
    try {
      const job = await upload(inside(this._place, "documents"), form, (share) => {
        setVars(bar, { "--share": share });
        replace(said, percent(share));
      });
      replace(this._told);
      this._started({ ...job, said: named(files) });
    } catch (error) {
      replace(
        this._told,
        failed(error, () => this._send(files)),
      );
    }
  }
}

/** @param {File[]} files */
function named(files) {
  const first = files
    .slice(0, 2)
    .map((file) => file.name)
    .join(", ");
  return files.length > 2 ? `${first} and ${plural(files.length - 2, "other")}` : first;
}

/** @param {DataTransfer | null} dropped @returns {Promise<File[]>} files, those in dropped folders included */
async function filesOf(dropped) {
  const entries = [...(dropped?.items ?? [])]
    .map((item) => item.webkitGetAsEntry?.())
    .filter((entry) => entry !== null && entry !== undefined);
  const files = [...(dropped?.files ?? [])];
  if (!entries.some((entry) => entry.isDirectory)) return files;
  /** @type {File[]} */
  const found = [];
  for (const entry of entries) await collect(entry, found);
  return found;
}

/** @param {FileSystemEntry} entry @param {File[]} found */
async function collect(entry, found) {
  if (found.length >= MOST_FILES || entry.name.startsWith(".")) return;
  if (entry.isFile) {
    found.push(
      await new Promise((resolve, reject) =>
        /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
      ),
    );
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) await collect(one, found);
  }
}
