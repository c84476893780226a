/** Flags of whatever speaks noray's protocol to games: `sidecar`, `host` and `join`. */
import type { Flags } from './flags.ts';

export const NORAY_FLAGS = {
  noray: { kind: 'on', about: "speak noray's protocol to games on 127.0.0.1 as well (TCP 8890, UDP 8809)" },
  'noray-port': { kind: 'number', value: 'PORT', min: 1, max: 65_535, about: 'another TCP port for that' },
  'noray-udp-port': { kind: 'number', value: 'PORT', min: 1, max: 65_535, about: 'and another UDP port' },
} as const satisfies Flags;
