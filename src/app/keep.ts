/** What the local page's document keeps: everything that goes on, and a number of what is over. */

/** The items in their order, without the first of those that are over where these are more than `overMax`. */
export function keepNewest<Item>(
  items: readonly Item[],
  isOver: (item: Item) => boolean,
  overMax: number,
): readonly Item[] {
  let surplus = items.filter(isOver).length - overMax;
  return items.filter((item) => !isOver(item) || surplus-- <= 0);
}
