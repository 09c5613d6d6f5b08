// Progressive enhancement only: every page works without it. Keeps what was typed when a form cannot be sent.
"use strict";
const key = (form) => `form:${location.pathname}:${form.getAttribute("action") || ""}`;
const kept = (field) => field.name && !["hidden", "password", "file", "submit"].includes(field.type);

document.querySelectorAll("form[method=post]").forEach((form) => {
  const saved = sessionStorage.getItem(key(form));
  if (saved && !document.querySelector("[data-done]")) {
    const values = JSON.parse(saved);
    [...form.elements].filter(kept).forEach((field, index) => {
      if (values[index] === undefined || field.value) return;
      if (field.type === "checkbox" || field.type === "radio") field.checked = values[index];
      else field.value = values[index];
    });
  }
  sessionStorage.removeItem(key(form));
  form.addEventListener("submit", () => {
    const values = [...form.elements].filter(kept).map((field) => (["checkbox", "radio"].includes(field.type) ? field.checked : field.value));
    sessionStorage.setItem(key(form), JSON.stringify(values));
    form.querySelectorAll("button:not([type=button])").forEach((button) => { button.setAttribute("aria-busy", "true"); setTimeout(() => { button.disabled = true; }, 0); });
  });
});
window.addEventListener("pageshow", () => document.querySelectorAll("button[aria-busy]").forEach((button) => { button.disabled = false; button.removeAttribute("aria-busy"); }));
document.querySelectorAll("select[data-submit]").forEach((select) => select.addEventListener("change", () => select.form.requestSubmit()));
document.querySelectorAll("[data-focus]").forEach((field) => field.focus());
document.body.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector("meta[name=form-token]");
  if (token) event.detail.headers["X-Form-Token"] = token.content;
});
