/** The class-by-class matrix as an SVG for people: one square a pair, the number in it, green where it works. */
export function heatMap(
  title: string,
  ids: readonly string[],
  shareOf: (row: string, column: string) => number | null,
): string {
  const side = 52;
  const margin = 60;
  const size = margin + ids.length * side + 20;
  const squares = ids.flatMap((row, y) =>
    ids.map((column, x) => square(margin + x * side, margin + y * side, side, shareOf(row, column))),
  );
  const labels = ids.flatMap((id, n) => [
    text(margin + n * side + side / 2, margin - 8, id),
    text(margin - 20, margin + n * side + side / 2 + 4, id),
  ]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" font-family="sans-serif" font-size="12">`,
    `<rect width="${size}" height="${size}" fill="#fff"/>`,
    `<text x="${margin}" y="22" font-size="14">${title}</text>`,
    ...labels,
    ...squares,
    '</svg>',
    '',
  ].join('\n');
}

function square(x: number, y: number, side: number, value: number | null): string {
  if (value === null) return `<rect x="${x}" y="${y}" width="${side - 2}" height="${side - 2}" fill="#eee"/>`;
  const fill = `hsl(${Math.round(value * 120)} 65% ${Math.round(82 - 22 * value)}%)`;
  const label = value >= 0.9995 ? '100' : (value * 100).toFixed(1);
  return `<rect x="${x}" y="${y}" width="${side - 2}" height="${side - 2}" fill="${fill}"/>${text(x + side / 2 - 1, y + side / 2 + 4, label)}`;
}

function text(x: number, y: number, content: string): string {
  return `<text x="${x}" y="${y}" text-anchor="middle">${content}</text>`;
}
