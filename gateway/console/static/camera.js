// The camera as a scanner: off until pressed. The browser itself reads the codes; no picture is kept or sent.
"use strict";
const FORMATS = ["code_128", "data_matrix", "code_39"];
const EVERY_MS = 150;
const panel = document.querySelector("[data-camera]");
const [button, said, video] = ["button", "p", "video"].map((part) => panel.querySelector(part));
const scanned = document.querySelector("#scanned");
const step = document.querySelector("#step");
const here = scanned.form.getAttribute("action");
const isLetter = (code) => new RegExp(`^${panel.dataset.camera}$`).test(code);
const numberIn = (code) => (code.split("|").length > 2 ? code.split("|")[1] : code).trim().toUpperCase();
const say = (words) => { if (said.textContent !== panel.dataset[words]) said.textContent = panel.dataset[words]; };
let stream = null;
let detector = null;
let letter = "";

const off = () => {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.hidden = true;
  button.textContent = panel.dataset.start;
};
const submit = (text) => {
  off();
  sessionStorage.setItem("camera:last", `${step.value} ${text}`);
  scanned.value = text;
  scanned.form.requestSubmit();
};
const take = (codes) => {
  const letters = codes.filter(isLetter);
  if (letters.length > 1) return say("several");
  if (letters.length && letters[0] !== letter) scanned.value = letter = letters[0];
  if (!letter) return say("seek");
  const items = codes.filter((code) => !isLetter(code));
  const wantsItem = "registered" in panel.dataset && step.value === "mail";
  if (wantsItem && items.length !== 1) return say("item");
  const text = wantsItem ? `${letter} ${items[0]}` : letter;
  if (sessionStorage.getItem("camera:last") === `${step.value} ${text}`) return say("next");
  return submit(text);
};
const look = async () => {
  if (!stream) return;
  const found = await detector.detect(video).catch(() => []);
  if (stream) take([...new Set(found.map((one) => numberIn(one.rawValue)))]);
  setTimeout(look, EVERY_MS);
};
const on = async () => {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
  } catch {
    return say("refused");
  }
  sessionStorage.setItem("camera:on", here);
  letter = "";
  video.srcObject = stream;
  video.hidden = false;
  button.textContent = panel.dataset.stop;
  await video.play().catch(() => {});
  return look();
};
const begin = async () => {
  const known = "BarcodeDetector" in window ? await BarcodeDetector.getSupportedFormats() : [];
  const formats = FORMATS.filter((format) => known.includes(format));
  if (!formats.length) return say("none");
  detector = new BarcodeDetector({ formats });
  button.hidden = false;
  say("off");
  return sessionStorage.getItem("camera:on") === here ? on() : undefined;
};

button.addEventListener("click", () => {
  sessionStorage.removeItem("camera:on");
  sessionStorage.removeItem("camera:last");
  if (!stream) return on();
  off();
  return say("off");
});
document.addEventListener("visibilitychange", () => { if (document.hidden && stream) { sessionStorage.removeItem("camera:on"); off(); say("off"); } });
begin();
