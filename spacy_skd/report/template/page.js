"use strict";
(() => {
  const form = document.getElementById("filters");
  const fields = form.elements;
  const all = [...document.querySelectorAll("[data-layer], [data-labels]")];
  const groups = [...document.querySelectorAll("[data-group]")];
  const of = (element, one, several) => element.dataset[one] !== undefined
    ? [element.dataset[one]]
    : element.dataset[several] === undefined ? null : JSON.parse(element.dataset[several]);
  // What says nothing of a filter is not hidden by it.
  const fits = (element) => {
    const layer = fields.layer.value, label = fields.label.value.trim(), slice = fields.slice.value;
    const labels = of(element, "label", "labels"), slices = of(element, "slice", "slices");
    const named = slices && slices.map((each) => Array.isArray(each) ? each.join(": ") : each);
    const ofDoc = element.dataset.slices !== undefined;
    return (!layer || !element.dataset.layer || element.dataset.layer === layer)
      && (!label || !labels || labels.some((each) => each.replace(/ \(another head\)$/, "") === label))
      && (!slice || !named || named.includes(slice) || (ofDoc && !named.some(
        (each) => each.split(": ")[0] === slice.split(": ")[0])));
  };
  const apply = () => {
    let rows = 0;
    for (const element of all) {
      const on = fits(element);
      element.toggleAttribute("data-off", !on);
      rows += on && element.tagName === "TR" ? 1 : 0;
    }
    const filtered = fields.layer.value || fields.label.value.trim() || fields.slice.value;
    for (const group of groups) {
      const left = group.querySelectorAll("tbody tr:not([data-off])").length;
      const layerFits = !fields.layer.value || !group.dataset.layer
        || group.dataset.layer === fields.layer.value;
      group.toggleAttribute("data-off", !left || !layerFits);
      if ((fields.label.value.trim() || fields.slice.value) && left) group.open = true;
    }
    fields.shown.value = filtered ? `${rows} rows match` : "";
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  fields.expand.addEventListener("click", () => {
    const open = fields.expand.getAttribute("aria-pressed") !== "true";
    fields.expand.setAttribute("aria-pressed", String(open));
    for (const each of document.querySelectorAll("details")) each.open = open;
  });
  form.hidden = false;
})();
