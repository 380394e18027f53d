// A large file goes in pieces, one after the other: the form itself takes a small one.
const form = document.getElementById("bring");

const send = async (address, piece, token) => {
  const answer = await fetch(address, {
    method: "POST",
    body: piece,
    headers: { "X-CSRFToken": token, "Content-Type": "application/octet-stream" },
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.detail || `It was refused (${answer.status}).`);
  return told;
};

const bring = async (file) => {
  const { pieces, pieceBytes } = form.dataset;
  const token = form.elements.csrfmiddlewaretoken.value;
  const bar = form.querySelector("progress");
  const size = Number(pieceBytes);
  bar.hidden = false;
  let id = "";
  for (let at = 0; at < file.size; at += size) {
    const query = new URLSearchParams({ at });
    if (id) query.set("import", id);
    if (at + size >= file.size) query.set("name", file.name);
    id = (await send(`${pieces}?${query}`, file.slice(at, at + size), token)).import;
    bar.value = (100 * Math.min(file.size, at + size)) / file.size;
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
