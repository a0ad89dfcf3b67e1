// What can be done with a finished field, as buttons.

import { remove } from "./api.js";
import { button, h, icon, trying } from "./dom.js";
import { compressDialog, confirmDialog, meshDialog, shareDialog } from "./dialogs.js";
import { stem } from "./model.js";

export function downloadLink(field, kind = "") {
  return h("a", { class: `button ${kind}`, href: field.links.file, download: `${stem(field.name)}.inr` }, icon("download"), "Download");
}

export const shareButton = (field) => button("share", "Share", trying(() => shareDialog(field)));

/** Of a shape: its surface as triangles, or its outline as curves. */
export const meshButton = (field) => button("mesh", field.links.outline ? "Outline" : "Mesh", () => meshDialog(field));

export const compressButton = (field) =>
  button("smaller", "Make smaller", () => compressDialog(field, (job) => {
    location.hash = `#/fit/${job.id}`;
  }));

export const deleteButton = (field, ondone) =>
  button("trash", "Delete", () => confirmDialog("Delete this field?", `${field.name} and its links go; this cannot be undone.`, "Delete", async () => {
    await remove(`/v1/jobs/${field.id}`);
    ondone();
  }));
