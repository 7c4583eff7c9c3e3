// Names under which sounds are saved.

const LONGEST = 60;

/** `rain-on-a-roof_seed42_5s.wav` */
export function nameFile(words, made, extension) {
  const slug = words.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "").slice(0, LONGEST).replace(/-$/, "");
  return `${slug || "sound"}_seed${made.seed}_${Number(made.seconds.toFixed(1))}s.${extension}`;
}

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
