/** The calls of docs/view-api.md. A refusal is an Error whose message is the server's line. */

async function answer(response) {
  const content = await response.json();
  if (!response.ok) throw new Error(content.error);
  return content;
}

const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** Calls with an answer in JSON, such as call("position", {fen, moves}). */
export const call = async (name, body) => answer(await post(`/api/${name}`, body));

export const info = async () => answer(await fetch("/api/info"));

/** Returns what `recursezero explain` draws, as a Blob of SVG. */
export async function picture(body) {
  const response = await post("/api/picture", body);
  return response.ok ? response.blob() : answer(response);
}

/** Remembers the last answers of a call by key; a failed call is forgotten. */
export function remembered(limit, fetchAnswer) {
  const answers = new Map();
  return (key, body) => {
    if (!answers.has(key)) {
      const coming = fetchAnswer(body);
      coming.catch(() => answers.delete(key));
      answers.set(key, coming);
      if (answers.size > limit) answers.delete(answers.keys().next().value);
    }
    return answers.get(key);
  };
}
