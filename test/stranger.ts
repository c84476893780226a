/** What somebody says of herself who knocks at a host for the first time, and says as little as she can. */

import { type ClientHello, NO_CONNECTION, UNKNOWN_PROFILE } from '../src/core/testing.ts';

export const STRANGERS_HELLO: ClientHello = {
  instance: new Uint8Array(8),
  connection: NO_CONNECTION,
  mode: 'allow',
  relays: [],
  name: 'Eve',
  passwordProof: null,
  masterRttMs: 20,
  candidates: [],
  profile: UNKNOWN_PROFILE,
};
