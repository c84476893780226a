/** Runs payers (`payer.ts`) on a host of the lab: `node pay.js JOIN_LINK AIM PAY[,PAY…]`; a JSON event a line. */
import { randomInt } from 'node:crypto';
import { parseHostLink } from '../../src/core/index.ts';
import { drive, nodeCrypto } from '../../src/node/index.ts';
import { Payer } from './payer.ts';

const [link = '', aim = '', paying = ''] = process.argv.slice(2);
const target = parseHostLink(link);
if ('problem' in target || target.hostKey === null) throw new Error(`not a join link with a key: ${link}`);
const { master, hostKey } = target;
for (const pay of paying.split(',')) {
  const driver = drive(
    new Payer({
      crypto: nodeCrypto,
      random: { float: () => randomInt(2 ** 32) / 2 ** 32, int: (low, high) => randomInt(low, high + 1) },
      wallClock: () => Date.now(),
      identity: nodeCrypto.keyPair(),
      master: { key: master.key, addresses: [master.host], port: master.port },
      ...{ hostKey, pay, aim },
    }),
    {
      onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
      onFault: (error) => {
        throw error;
      },
    },
  );
  driver.command({ do: 'start' });
}
