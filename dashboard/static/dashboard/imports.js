// A large file goes in pieces, one after the other: the form itself takes a small one. Where the
// connection breaks a piece goes again; after some tries the button goes on where that was.
const form = document.getElementById("bring");
const PAUSES_MS = [500, 1000, 2000, 4000];
const BUSY = [429, 502, 503, 504];

// What is on its way, also after it broke: the file, the import that it is of, and how far it is.
let sending = null;

const drawId = () => {
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) =>
    byte.toString(16).padStart(2, "0"),
  );
  return hex.join("");
};

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const post = async (address, piece) => {
  const answer = await fetch(address, {
    method: "POST",
    body: piece,
    redirect: "manual", // to the sign-in, which is no answer
    headers: {
      "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
      "Content-Type": "application/octet-stream",
    },
  });
  return { answer, told: await answer.json().catch(() => ({})) };
};

const send = async (address, piece) => {
  for (const wait of [...PAUSES_MS, 0]) {
    const sent = await post(address, piece).catch(() => null);
    if (sent && !BUSY.includes(sent.answer.status)) {
      const { answer, told } = sent;
      if (answer.type === "opaqueredirect") {
        throw new Error("You are signed out: sign in again, then bring the file once more.");
      }
      if (Number.isInteger(told.bytes)) {
        // It goes on elsewhere, where an answer was lost before.
        if (!answer.ok) await pause(PAUSES_MS[0]);
        return told.bytes;
      }
      sending = null; // what was refused begins anew
      throw new Error(told.detail || `It was refused (${answer.status}).`);
    }
    if (wait) await pause(wait);
  }
  throw new Error("The connection is broken: press the button to go on where it was.");
};

const isSame = (one, other) =>
  one.name === other.name && one.size === other.size && one.lastModified === other.lastModified;

const bring = async (file) => {
  const { pieces, pieceBytes } = form.dataset;
  const bar = form.querySelector("progress");
  const size = Number(pieceBytes);
  if (!sending || !isSame(sending.file, file)) sending = { file, id: drawId(), at: 0 };
  bar.hidden = false;
  while (sending.at < file.size) {
    const query = new URLSearchParams({ at: sending.at, import: sending.id });
    if (!sending.at) {
      query.set("name", file.name);
      query.set("bytes", file.size);
    }
    const piece = file.slice(sending.at, sending.at + size);
    sending.at = await send(`${pieces}?${query}`, piece);
    bar.value = (100 * sending.at) / file.size;
  }
};

form?.addEventListener("submit", async (event) => {
  const [file] = form.elements.file.files;
  if (!file?.size) return;
  event.preventDefault();
  const button = form.querySelector("button");
  const said = form.querySelector(".sent");
  button.disabled = true;
  said.textContent = "It is being sent.";
  try {
    await bring(file);
    location.reload();
  } catch (error) {
    said.textContent = error.message;
    button.disabled = false;
  }
});
