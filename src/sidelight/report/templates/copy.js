"use strict";
// Without this the page is complete: it only saves a search for the record in the source.
const button = document.getElementById("copy");
button.hidden = false;
button.addEventListener("click", () => {
  const field = document.createElement("textarea");
  field.value = document.getElementById("record").textContent;
  button.after(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  button.textContent = done ? "Copied" : "Not allowed here";
});
