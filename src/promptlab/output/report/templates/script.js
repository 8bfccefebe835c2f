"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const cases = [...document.querySelectorAll(".case")];

  // The filter.
  const words = cases.map((each) => each.textContent.toLowerCase());
  const find = by("find"), only = by("only"), count = by("count");
  const filter = () => {
    const wanted = find.value.toLowerCase().split(/\s+/).filter(Boolean), state = only ? only.value : "";
    let shown = 0;
    cases.forEach((each, number) => {
      const fits = wanted.every((word) => words[number].includes(word)) &&
        (!state || each.dataset.states.split(" ").includes(state));
      each.hidden = !fits;
      shown += fits;
    });
    count.textContent = shown === cases.length
      ? `${shown} ${shown === 1 ? "case" : "cases"}`
      : `${shown} of ${cases.length} cases`;
  };
  find.addEventListener("input", filter);
  if (only) only.addEventListener("change", filter);
  document.querySelector(".filter").hidden = false;
  filter();

  // The lightbox: every picture becomes a button; arrows go through those of the cases that are shown.
  const box = by("lightbox"), large = by("large"), caption = by("caption"), whole = by("whole");
  const buttons = [...document.querySelectorAll(".shot img")].map((image) => {
    const button = document.createElement("button");
    button.type = "button";
    image.replaceWith(button);
    button.append(image);
    button.addEventListener("click", () => show(button));
    return button;
  });
  let current = null;
  const show = (button) => {
    const shot = button.closest(".shot"), image = button.firstChild;
    const score = shot.querySelector(".score"), link = shot.querySelector("a");
    current = button;
    large.src = image.src;
    large.alt = image.alt;
    caption.textContent = image.alt + (score ? ` (${score.textContent})` : "");
    whole.hidden = !link;
    if (link) whole.href = link.href;
    if (!box.open) box.showModal();
  };
  const go = (steps) => {
    const seen = buttons.filter((button) => !button.closest(".case").hidden);
    show(seen[(seen.indexOf(current) + steps + seen.length) % seen.length]);
  };
  by("before").addEventListener("click", () => go(-1));
  by("after").addEventListener("click", () => go(1));
  by("close").addEventListener("click", () => box.close());
  large.addEventListener("click", () => box.close());
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") go(-1);
    else if (event.key === "ArrowRight") go(1);
    else return;
    event.preventDefault();
  });
  box.addEventListener("close", () => {
    large.removeAttribute("src");
    current.focus();
  });
})();
