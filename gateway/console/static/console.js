// Progressive enhancement only: every page works without it. Keeps what was typed when a form cannot be sent.
"use strict";
const key = (form) => `form:${location.pathname}:${form.getAttribute("action") || ""}`;
// A search stands in the address that it leads to: what was typed, such as a name in full, is kept nowhere else.
const posted = "form[method=post]:not([role=search])";
const isTick = (field) => ["checkbox", "radio"].includes(field.type);
const nameOf = (field) => (isTick(field) ? `${field.name}=${field.value}` : field.name);
const fields = (form) => [...form.elements].filter((field) => field.name && !["hidden", "password", "file", "submit"].includes(field.type));
const keep = (form) => {
  const values = fields(form).map((field) => [nameOf(field), isTick(field) ? field.checked : field.value]);
  sessionStorage.setItem(key(form), JSON.stringify(Object.fromEntries(values)));
};
const signInAgain = () => {
  document.querySelectorAll(posted).forEach(keep);
  location.assign(`/sign-in?to=${encodeURIComponent(location.pathname + location.search)}`);
};
const done = document.querySelector("[data-done], [data-taken]");

if (done) Object.keys(sessionStorage).filter((name) => name.startsWith("form:")).forEach((name) => sessionStorage.removeItem(name));
document.querySelectorAll(posted).forEach((form) => {
  const saved = JSON.parse(sessionStorage.getItem(key(form)) || "{}");
  sessionStorage.removeItem(key(form));
  fields(form).filter((field) => nameOf(field) in saved).forEach((field) => {
    if (isTick(field)) field.checked = saved[nameOf(field)];
    else field.value = saved[nameOf(field)];
  });
  form.addEventListener("submit", () => {
    keep(form);
    if ("download" in form.dataset) return;
    form.querySelectorAll("button:not([type=button])").forEach((button) => { button.setAttribute("aria-busy", "true"); setTimeout(() => { button.disabled = true; }, 0); });
  });
});
window.addEventListener("pageshow", () => document.querySelectorAll("button[aria-busy]").forEach((button) => { button.disabled = false; button.removeAttribute("aria-busy"); }));
document.querySelectorAll("select[data-submit]").forEach((select) => select.addEventListener("change", () => select.form.requestSubmit()));
document.querySelectorAll("[data-seconds-left]").forEach((shown) => {
  const end = Date.now() + shown.dataset.secondsLeft * 1000;
  const count = () => {
    const minutes = Math.floor((end - Date.now()) / 60000);
    const words = minutes < 0 ? "over" : minutes < 60 ? "minutes" : "hours";
    shown.textContent = shown.dataset[words].replace("{hours}", Math.floor(minutes / 60)).replace("{minutes}", minutes % 60);
    if (minutes < 60) shown.className = "tag warn";
  };
  setInterval(count, 5000);
});
document.querySelectorAll("[data-focus]").forEach((field) => field.focus());
document.body.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector("meta[name=form-token]");
  if (token) event.detail.headers["X-Form-Token"] = token.content;
  if (!event.detail.triggeringEvent) event.detail.headers["X-By-Itself"] = "1"; // a page that looks again: nobody has acted
});
document.body.addEventListener("htmx:responseError", (event) => { if (event.detail.xhr.status === 401) signInAgain(); });
document.body.addEventListener("htmx:sseError", () => {
  // A stream is refused once the session is over: the page is, too. If nothing answers, it may come back.
  fetch(location.href, { redirect: "manual", headers: { "X-By-Itself": "1" } }).then((answer) => { if (answer.type === "opaqueredirect") signInAgain(); }, () => {});
});
