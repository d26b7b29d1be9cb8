// The pages work without this file; it only saves steps. Part of langchain-persistmem, MIT licence.
"use strict";

// "Choose all on this page" above a list of check boxes.
for (const form of document.querySelectorAll("form[data-choose]")) {
  const all = form.querySelector("[data-choose-all]");
  const boxes = [...form.querySelectorAll("input[type=checkbox]:not([data-choose-all])")];
  if (!all || boxes.length < 2) continue;
  all.closest("label").hidden = false;
  const update = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  };
  all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
  boxes.forEach((box) => box.addEventListener("change", update));
  update();
}

// The menu of a narrow window closes with Escape, and the focus goes back to its button.
for (const menu of document.querySelectorAll("details.nav-small")) {
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

// A form that changes something is sent once, however often its button is pressed; a download leaves the page as it is.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    if (form.getAttribute("action").includes("/export")) return;
    form.dataset.sent = "yes";
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// What a screen reader should hear first after a mistake is the message.
const problem = document.getElementById("problem");
if (problem) {
  problem.tabIndex = -1;
  problem.focus();
}
