// Gathers what a reader answers and saves it as corrections.json. Nothing is sent or kept anywhere else.
"use strict";
(() => {
  const bar = document.querySelector(".review-bar");
  const switched = document.getElementById("review-on");
  if (!bar) return;
  bar.hidden = false;
  if (!switched) return;
  const answers = [...document.querySelectorAll(".answer")];
  const select = (answer) => answer.querySelector("select");
  const input = (answer) => answer.querySelector("input");
  const chosen = (answer) => select(answer).selectedOptions[0];
  const reader = document.getElementById("review-reader");
  let unsaved = false;

  const corrected = (answer) => {
    const option = chosen(answer);
    if (option.value !== "changed") return null;
    if (option.dataset.corrected) return JSON.parse(option.dataset.corrected);
    const typed = input(answer).value.trim();
    return { decision: "present", grade: null, value: option.dataset.typed === "number" ? Number(typed) : typed };
  };

  const entry = (answer) => ({
    finding: answer.dataset.finding,
    site: { level: answer.dataset.level, side: answer.dataset.side, compartment: answer.dataset.compartment },
    action: chosen(answer).value,
    original: JSON.parse(answer.dataset.original),
    corrected: corrected(answer),
    at: answer.dataset.at,
  });

  const count = () => {
    const done = answers.filter((answer) => select(answer).value);
    const all = (action) => done.filter((answer) => select(answer).value === action).length;
    const text = `${done.length} of ${answers.length} reviewed, ${all("changed")} changed, ${all("rejected")} rejected`;
    bar.querySelector(".review-count").textContent = text + (unsaved ? ", not saved" : "");
  };

  const show = (answer) => {
    answer.dataset.action = select(answer).value;
    if (input(answer)) {
      input(answer).hidden = !chosen(answer).dataset.typed;
      input(answer).required = !input(answer).hidden;
    }
  };

  const answered = (answer) => {
    answer.dataset.at = new Date().toISOString();
    unsaved = true;
    show(answer);
    count();
  };

  const accept = (some) => some.filter((answer) => !select(answer).value).forEach((answer) => {
    select(answer).value = "accepted";
    answered(answer);
  });

  const save = () => {
    const used = [reader, ...answers.map(input)].filter((field) => field && !field.hidden);
    const wrong = used.find((field) => !field.checkValidity());
    if (wrong) {
      wrong.closest("details")?.setAttribute("open", "");
      wrong.reportValidity();
      return;
    }
    const { study, package: name, version, sha256 } = bar.dataset;
    const corrections = answers.filter((answer) => select(answer).value).map(entry);
    const content = { schema_version: "1.0", study_key: study, package: { name, version, sha256 }, reader: reader.value, corrections };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1) + "\n"], { type: "application/json" }));
    link.download = "corrections.json";
    link.click();
    URL.revokeObjectURL(link.href);
    unsaved = false;
    count();
  };

  const sameSite = (answer, site) => ["level", "side", "compartment"].every((key) => answer.dataset[key] === site[key]);

  const put = (one) => {
    const answer = answers.find((each) => each.dataset.finding === one.finding && sameSite(each, one.site));
    if (!answer) return;
    const options = [...select(answer).options].filter((option) => option.value === one.action);
    const wanted = one.corrected && JSON.stringify(one.corrected);
    const exact = options.find((option) => option.dataset.corrected && JSON.stringify(JSON.parse(option.dataset.corrected)) === wanted);
    const option = exact || options.find((each) => !each.dataset.corrected);
    if (!option) return;
    option.selected = true;
    answer.dataset.at = one.at;
    show(answer);
    if (option.dataset.typed) input(answer).value = one.corrected.value;
  };

  const load = async (file) => {
    let content = null;
    try { content = JSON.parse(await file.text()); } catch { /* told below */ }
    const fits = content && content.study_key === bar.dataset.study && content.package?.sha256 === bar.dataset.sha256;
    if (!fits || !Array.isArray(content.corrections)) {
      bar.querySelector(".review-count").textContent = "This file holds no corrections of this report.";
      return;
    }
    content.corrections.forEach(put);
    reader.value = content.reader;
    count();
  };

  answers.forEach((answer) => {
    select(answer).addEventListener("change", () => answered(answer));
    input(answer)?.addEventListener("input", () => answered(answer));
  });
  document.querySelectorAll(".accept-here").forEach((button) => {
    const here = new Set(button.closest(".site-part").querySelectorAll(".answer"));
    button.addEventListener("click", () => accept(answers.filter((answer) => here.has(answer))));
  });
  document.getElementById("review-rest").addEventListener("click", () => accept(answers));
  document.getElementById("review-save").addEventListener("click", save);
  document.getElementById("review-load").addEventListener("change", (event) => load(event.target.files[0]));
  switched.addEventListener("change", () => {
    document.body.classList.toggle("reviewing", switched.checked);
    if (switched.checked) document.querySelectorAll("details.values").forEach((one) => one.setAttribute("open", ""));
    count();
  });
  window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
})();
