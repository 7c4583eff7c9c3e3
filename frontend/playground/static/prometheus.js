// Prometheus' text format, as far as the server tab needs it.

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Return [{name, labels, value}]. */
export function parseMetrics(text) {
  return text.split("\n").map((line) => LINE.exec(line)).filter(Boolean).map(([, name, labels, value]) => ({
    name, value: Number(value.replace("+Inf", "Infinity")),
    labels: Object.fromEntries([...(labels ?? "").matchAll(LABEL)].map(([, key, text]) => [key, text])),
  }));
}

/** Return the sum of a metric whose labels are these, or null: there is none. */
export function sumOf(samples, name, labels = {}) {
  const found = samples.filter((each) => each.name === name
    && Object.entries(labels).every(([key, value]) => each.labels[key] === value));
  return found.length ? found.reduce((sum, each) => sum + each.value, 0) : null;
}

/** Return a quantile of a histogram, as `histogram_quantile` does; null: nothing was measured. */
export function quantileOf(samples, name, labels, quantile) {
  const buckets = samples.filter((each) => each.name === `${name}_bucket`
    && Object.entries(labels).every(([key, value]) => each.labels[key] === value));
  const counts = new Map();
  for (const { labels: { le }, value } of buckets) {
    const limit = le === "+Inf" ? Infinity : Number(le);
    counts.set(limit, (counts.get(limit) ?? 0) + value);
  }
  const sorted = [...counts].sort(([a], [b]) => a - b);
  const total = sorted.at(-1)?.[1] ?? 0;
  if (!total) return null;
  let [lower, before] = [0, 0];
  for (const [limit, count] of sorted) {
    if (count >= quantile * total) {
      return limit === Infinity ? lower : lower + (limit - lower) * (quantile * total - before) / (count - before);
    }
    [lower, before] = [limit, count];
  }
  return lower;
}
