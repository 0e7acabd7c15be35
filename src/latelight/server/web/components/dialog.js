/** Modal questions. */

import { h } from "../dom.js";

/**
 * @param {{title: string, body: import("../dom.js").Children, confirm: string, danger?: boolean}} given
 * @returns {Promise<boolean>} whether it was confirmed
 */
export function ask({ title, body, confirm, danger = false }) {
  return new Promise((resolve) => {
    const close = (/** @type {boolean} */ answer) => {
      resolve(answer);
      dialog.close();
    };
    const yes = h(
      "button",
      { type: "submit", class: `button ${danger ? "is-danger" : "is-primary"}` },
      confirm,
    );
    const form = h(
      "form",
      {
        method: "dialog",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          close(true);
        },
      },
      h("h2", null, title),
      h("div", { class: "dialog-body" }, body),
      h(
        "div",
        { class: "dialog-buttons" },
        h("button", { type: "button", class: "button", onclick: () => close(false) }, "Cancel"),
        yes,
      ),
    );
    const dialog = h("dialog", { class: "dialog", "aria-label": title }, form);
    dialog.addEventListener("close", () => {
      resolve(false);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
    const first = /** @type {HTMLElement | null} */ (form.querySelector("input, textarea, select"));
    (first ?? yes).focus();
  });
}
