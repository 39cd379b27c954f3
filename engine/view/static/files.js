/** Taking pictures and links away from the page. */

import { call, picture } from "./api.js";

const SCALE = 2; // pixels of a PNG per unit of the picture

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Saves the picture of a position as SVG. */
export async function saveSvg(body) {
  save(await picture(body), "recursezero.svg");
}

/** Saves all that is known of a position as JSON, as `recursezero explain` does. */
export async function saveJson(body) {
  save(new Blob([JSON.stringify(await call("explanation", body))], { type: "application/json" }), "recursezero.json");
}

/** Saves the picture of a position as PNG. */
export async function savePng(body) {
  const address = URL.createObjectURL(await picture(body));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [SCALE * image.naturalWidth, SCALE * image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    save(await new Promise((done) => canvas.toBlob(done, "image/png")), "recursezero.png");
  } finally {
    URL.revokeObjectURL(address);
  }
}
