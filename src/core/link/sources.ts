/**
 * The master's probe ports as mapping sources. A test answer from `other-port` comes from the port eight further on (modulo
 * the number of ports), one from `other-address` from the same port of the master's next address: so it is known beforehand
 * where the answer must come from, and anything else is not one (SECURITY.md row 22). A master with one port or one address has
 * no other to answer from.
 */

import { type Endpoint, familyOf, sameEndpoint } from '../address.ts';
import { sameRealm } from '../scope.ts';
import { type AnswerFrom, answeringPort, type MappingSource } from '../sources/source.ts';
import { type Accept, readProbeAnswer, writeProbe } from '../wire/datagrams.ts';

const ANSWERS_FROM: readonly AnswerFrom[] = ['same', 'other-port', 'other-address'];

export function probeSources(master: string, accept: Accept, key: Uint8Array): MappingSource[] {
  // Whoever has a socket of one family only can't ask at an address of the other.
  // Nor does a master on the Internet have an address inside our network, whatever it says.
  const others = accept.otherAddresses.filter(
    (address) => address !== master && familyOf(address) === familyOf(master) && sameRealm(master, address),
  );
  const addresses = [master, ...others];
  const sources: MappingSource[] = [];
  for (let offset = 0; offset < accept.probePorts; offset++) {
    for (const address of addresses) sources.push(source({ addresses, address, offset }, accept, key));
  }
  return sources;
}

function source(
  at: { readonly addresses: readonly string[]; readonly address: string; readonly offset: number },
  accept: Accept,
  key: Uint8Array,
): MappingSource {
  const { addresses, address, offset } = at;
  const endpoint = (host: string, which: number): Endpoint => ({ address: host, port: accept.firstProbePort + which });
  const other = addresses[(addresses.indexOf(address) + 1) % addresses.length] as string;
  const expected = (answerFrom: AnswerFrom): Endpoint =>
    endpoint(answerFrom === 'other-address' ? other : address, answeringPort(offset, accept.probePorts, answerFrom));
  return {
    target: endpoint(address, offset),
    kind: 'master',
    answersFrom: ANSWERS_FROM.filter(
      (from) => from === 'same' || (from === 'other-port' ? accept.probePorts > 1 : addresses.length > 1),
    ),
    answererOf: expected,
    request: (_now, request, answerFrom) => writeProbe(key, accept.cid, request, answerFrom),
    requestTo: (_now, request, port) => writeProbe(key, accept.cid, request, 'same', port),
    answer(from, bytes) {
      const answer = readProbeAnswer(key, bytes);
      if (answer === null || !sameEndpoint(from, expected(answer.answerFrom))) return null;
      return { request: answer.request, observed: answer.observed };
    },
  };
}
