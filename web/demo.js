// The demo page: one recording through POST /api/v1/detect?detail=full, the answer drawn.

const element = (id) => document.getElementById(id);
const LARGEST = 10 * 1024 * 1024;
const DOUBTS = {
  too_short: "There is too little speech for a verdict to rely on.",
  no_speech: "No speech was found in this recording.",
  too_noisy: "The recording is too noisy for a verdict to rely on.",
  conflicting_segments: "Parts of this recording sound human and parts synthetic: look at each.",
};

function say(text, isError = false) {
  element("message").textContent = text;
  element("message").classList.toggle("error", isError);
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Error("The file could not be read."));
    reader.readAsDataURL(file);
  });
}

async function analyse(file) {
  if (file.size > LARGEST) throw new Error("The recording is larger than 10 MB.");
  const response = await fetch("/api/v1/detect?detail=full", {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": element("key").value.trim() },
    body: JSON.stringify({ audio_base64: await base64(file), language: element("language").value }),
  });
  const answer = await response.json();
  if (!response.ok) {
    const detail = typeof answer.detail === "string" ? `: ${answer.detail}` : "";
    throw new Error(`${answer.error}${detail}`);
  }
  return answer;
}

function item(text, score, onclick) {
  const button = document.createElement("button");
  button.type = "button";
  button.style.setProperty("--score", score);
  const [left, right] = [document.createElement("span"), document.createElement("span")];
  left.textContent = text;
  right.textContent = `${(score * 100).toFixed(0)} % machine`;
  button.append(left, right);
  button.onclick = onclick;
  const line = document.createElement("li");
  line.append(button);
  return line;
}

function show(answer, file) {
  const { detail } = answer;
  const isMachine = answer.classification === "AI_GENERATED";
  const confidence = `${(answer.confidenceScore * 100).toFixed(1)} %`;
  element("verdict").textContent = answer.inconclusive
    ? "Inconclusive"
    : `${isMachine ? "Machine" : "Human"}, ${confidence} sure`;
  element("verdict").className = answer.inconclusive ? "" : isMachine ? "machine" : "human";
  element("doubt").hidden = !answer.inconclusive;
  element("doubt").textContent = DOUBTS[answer.inconclusive] ?? "";
  element("needle").style.left = `${detail.score * 100}%`;
  element("gauge").setAttribute("aria-label", `Probability that a machine speaks: ${(detail.score * 100).toFixed(0)} %`);
  element("explanation").textContent = answer.explanation;

  const player = element("player");
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(file);
  element("segments").replaceChildren(
    ...detail.segments.map(({ start, end, score }) =>
      item(`${start.toFixed(1)} to ${end.toFixed(1)} s`, score, () => {
        player.currentTime = start;
        player.play();
      }),
    ),
  );

  const rows = Object.values(detail.features).flatMap((group) =>
    Object.entries(group)
      .filter(([, value]) => typeof value === "number")
      .map(([name, value]) => {
        const row = document.createElement("tr");
        for (const text of [name.replaceAll("_", " "), value.toPrecision(4)]) row.insertCell().textContent = text;
        return row;
      }),
  );
  element("features").tBodies[0].replaceChildren(...rows);
  element("model").textContent =
    `Model ${detail.model.name} ${detail.model.version}, ${(detail.processing_time * 1000).toFixed(0)} ms`;
  element("result").hidden = false;
}

element("file").addEventListener("change", () => {
  element("file-name").textContent = element("file").files[0]?.name ?? "Choose a recording, or drop one here";
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  element("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    element("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) {
      element("file").files = event.dataTransfer.files;
      element("file").dispatchEvent(new Event("change"));
    }
  });
}
element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = element("file").files[0];
  element("go").disabled = true;
  element("result").hidden = true;
  say("Listening…");
  try {
    show(await analyse(file), file);
    say("");
  } catch (error) {
    say(error.message, true);
  } finally {
    element("go").disabled = false;
  }
});
