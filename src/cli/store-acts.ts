/** What `sallyport master` does with its store. */
const ACTS = ['check', 'repair', 'backup', 'restore', 'token'] as const;
export type StoreAct = (typeof ACTS)[number];

export function isStoreAct(word: string): word is StoreAct {
  return (ACTS as readonly string[]).includes(word);
}
