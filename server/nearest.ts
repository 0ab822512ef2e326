/** The name that was probably meant by one that does not exist: one letter away, two for names of four letters and more. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  if (name.length > 64) return undefined;
  const reach = name.length >= 4 ? 2 : 1;
  const byDistance = names.map((known) => ({ known, distance: distanceOf(name, known) })).filter((each) => each.distance <= reach);
  return byDistance.sort((a, b) => a.distance - b.distance)[0]?.known;
}

/** Levenshtein's distance. */
function distanceOf(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const swap = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      line.push(Math.min(swap, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1));
    }
    above = line;
  }
  return above[b.length] ?? 0;
}
