/** The keys of the tickets over a restart, in the store, which is the owner's alone. */
import { z } from 'zod';
import { fromHex, type TicketKey, toHex } from '../core/index.ts';
import type { Store } from './store.ts';

const SETTING = 'ticket-keys';
const keysSchema = z.array(z.object({ epoch: z.int(), key: z.string().regex(/^[0-9a-f]{64}$/) }));

export function saveTicketKeys(store: Store, keys: readonly TicketKey[]): void {
  const rows: z.infer<typeof keysSchema> = keys.map(({ epoch, key }) => ({ epoch, key: toHex(key) }));
  store.setSetting(SETTING, JSON.stringify(rows));
}

export function readTicketKeys(store: Store): readonly TicketKey[] {
  let json: unknown;
  try {
    json = JSON.parse(store.setting(SETTING) ?? '[]');
  } catch {
    return [];
  }
  const read = keysSchema.safeParse(json);
  return (read.data ?? []).flatMap(({ epoch, key }) => {
    const bytes = fromHex(key);
    return bytes === null ? [] : [{ epoch, key: bytes }];
  });
}
