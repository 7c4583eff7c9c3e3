// One request as curl, Python and JavaScript: programs that run as they stand.

/** `call` is {url, headers, body, file, job}; `job` as in code_table.js, or nothing. */
export const LANGUAGES = [
  ["curl", "curl", toCurl],
  ["python", "Python", toPython],
  ["javascript", "JavaScript", toJavaScript],
];

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const dotted = (keys) => keys.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
const indexed = (keys) => keys.map((key) => `[${JSON.stringify(key)}]`).join("");

function toCurl({ url, base, headers, body, file, job }) {
  const header = (pairs) => pairs.map(([name, value]) => ` -H ${quote(`${name}: ${value}`)}`).join("");
  const post = `curl -sS --fail-with-body ${quote(url)} \\\n    ${header(headers).trim()} \\\n    -d ${quote(JSON.stringify(body))}`;
  if (!job) return `${post} \\\n    --output ${file}\n`;
  const asks = `curl -sS${header(headers.slice(0, -1))} "${base}${job.state("$id")}"`;
  return `# needs jq\nid=$(${post} | jq -r .${job.id})\n`
    + `until job=$(${asks}) && echo "$job" | jq -e '${dotted(job.status)} | IN(${[job.done, ...job.failed].map((each) => JSON.stringify(each)).join(", ")})' >/dev/null; do\n`
    + `  sleep 1\ndone\n`
    + `curl -sS --fail "$(echo "$job" | jq -r '${dotted(job.link)}')" --output ${file}\n`;
}

function toPython({ url, base, headers, body, file, job }) {
  const pairs = headers.map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`).join("");
  const start = `import json\n${job ? "import time\n" : ""}import urllib.request\n\n`
    + `headers = {\n${pairs}}\n`
    + `body = ${pythonValue(body)}\n\n\n`
    + "def ask(url, data=None, headers=headers):\n"
    + "    request = urllib.request.Request(url, data, headers)\n"
    + "    with urllib.request.urlopen(request) as answer:\n        return answer.read()\n\n\n";
  const post = `ask(${JSON.stringify(url)}, json.dumps(body).encode())`;
  if (!job) return `${start}with open(${JSON.stringify(file)}, "wb") as file:\n    file.write(${post})\n`;
  return `${start}job = json.loads(${post})\n`
    + `state = f${JSON.stringify(base + job.state(`{job['${job.id}']}`))}\n`
    + `while (job := json.loads(ask(state)))${indexed(job.status)} not in ${JSON.stringify([job.done, ...job.failed])}:\n`
    + "    time.sleep(1)\n"
    + `with open(${JSON.stringify(file)}, "wb") as file:\n    file.write(ask(job${indexed(job.link)}, headers={}))\n`;
}

function toJavaScript({ url, base, headers, body, file, job }) {
  const start = "// Node 18 or later, as a module: node sound.mjs\n"
    + 'import { writeFile } from "node:fs/promises";\n\n'
    + `const headers = ${JSON.stringify(Object.fromEntries(headers), null, 2)};\n`
    + "const ask = async (url, options) => {\n  const answer = await fetch(url, options);\n"
    + "  if (!answer.ok) throw new Error(await answer.text());\n  return answer;\n};\n\n"
    + `const answer = await ask(${JSON.stringify(url)}, {\n  method: "POST",\n  headers,\n`
    + `  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll("\n", "\n  ")}),\n});\n`;
  const write = (what) => `await writeFile(${JSON.stringify(file)}, new Uint8Array(await ${what}.arrayBuffer()));\n`;
  if (!job) return start + write("answer");
  return `${start}const { ${job.id}: id } = await answer.json();\nlet job;\ndo {\n`
    + "  await new Promise((resolve) => setTimeout(resolve, 1000));\n"
    + `  job = await (await ask(\`${base}${job.state("${id}")}\`, { headers })).json();\n`
    + `} while (!${JSON.stringify([job.done, ...job.failed])}.includes(job${dotted(job.status)}));\n`
    + write(`(await ask(job${dotted(job.link)}))`);
}

function pythonValue(value) {
  const words = { true: "True", false: "False", null: "None" };
  return JSON.stringify(value, null, 4)
    .replace(/^(.*(?:: |^ +))(true|false|null)(,?)$/gm, (_, before, word, comma) => before + words[word] + comma);
}
