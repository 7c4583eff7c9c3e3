// Calls of @elevenlabs/elevenlabs-js about pronunciation dictionaries.
const { ElevenLabsClient } = require("@elevenlabs/elevenlabs-js");

const { TEST_URL: url, TEST_KEY: key } = process.env;
const ALIAS = { type: "alias", stringToReplace: "SQL", alias: "sequel" };
const PHONEME = {
  type: "phoneme",
  stringToReplace: "tomato",
  phoneme: "T AH0 M EY1 T OW0",
  alphabet: "cmu-arpabet",
};

async function main() {
  const client = new ElevenLabsClient({ baseUrl: url, apiKey: key });
  const dictionaries = client.pronunciationDictionaries;
  const made = await dictionaries.createFromRules({ name: "of rules", rules: [ALIAS, PHONEME] });
  const added = await dictionaries.rules.add(made.id, {
    rules: [{ ...ALIAS, stringToReplace: "API" }],
  });
  const removed = await dictionaries.rules.remove(made.id, { ruleStrings: ["tomato"] });
  const file = await new Response(await dictionaries.download(made.id, made.versionId)).blob();
  const copy = await dictionaries.createFromFile({ name: "of a file", file });
  const page = await dictionaries.list({ pageSize: 1 });
  const shown = await dictionaries.get(copy.id);
  const audio = await client.textToSpeech.convert("anna", {
    text: "SQL.",
    outputFormat: "pcm_16000",
    pronunciationDictionaryLocators: [{ pronunciationDictionaryId: copy.id }],
  });
  const found = {
    rules: [made.versionRulesNum, added.versionRulesNum, removed.versionRulesNum],
    copied: copy.versionRulesNum,
    page: [page.pronunciationDictionaries.map((each) => each.name), page.hasMore],
    shown: shown.rules.map((rule) => rule.alias ?? rule.phoneme),
    renamed: (await dictionaries.update(copy.id, { name: "renamed", archived: true })).name,
    spoken: (await new Response(audio).arrayBuffer()).byteLength,
  };
  console.log(JSON.stringify(found));
}

main();
