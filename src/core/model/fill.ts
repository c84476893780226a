/** What belongs into the `{places}` of a text, by their names. */
export type Places = Readonly<Record<string, string | number>>;

/** The text with `{name}` replaced; a place without a value stays as it is. */
export function fill(text: string, values: Places): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}
