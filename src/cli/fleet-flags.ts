/** Flags of a fleet: of its nodes (`master --nats`), and of whoever asks for them (`fleet`). */
import type { Flags } from './flags.ts';

export const NATS_FLAGS = {
  nats: {
    kind: 'list',
    value: 'URL',
    about: 'the NATS server of a fleet, nats:// or tls://; several are tried in turn',
  },
  'nats-creds': { kind: 'text', value: 'FILE', about: 'credentials for it, as nsc makes them' },
  'nats-nkey': { kind: 'text', value: 'FILE', about: 'or the seed of an nkey' },
  'nats-ca': { kind: 'text', value: 'FILE', about: 'who signs its certificate' },
  'nats-cert': { kind: 'text', value: 'FILE', about: 'a certificate to show to it' },
  'nats-key': { kind: 'text', value: 'FILE', about: 'and the key of that' },
} as const satisfies Flags;

export const NODE_FLAGS = {
  ...NATS_FLAGS,
  node: { kind: 'text', value: 'NAME', about: 'be a node of the fleet of --nats, by this name, which no other has' },
  region: { kind: 'text', value: 'REGION', about: 'where that node is, in a word' },
} as const satisfies Flags;
