/**
 * The attacks of the audit, replayed against a build: `npm run replay -- DIR [--only 7]`. Each is written against what every build has
 * (datagrams, the command, HTTP), so one script shows the attack work on an old build and fail on a new one.
 */
import { parseArgs } from 'node:util';
import * as fromHosts from './attacks-host.mjs';
import * as onComputers from './attacks-local.mjs';
import * as fromMasters from './attacks-master.mjs';
import { paidByOthers } from './attacks-pay.mjs';
import { load } from './build.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string', multiple: true }, json: { type: 'boolean', default: false } },
});
const build = await load(positionals[0] ?? '.');
const ATTACKS = [
  [1, 'a dishonest master tells the host a foreign code', fromMasters.foreignCode],
  [2, 'keys are ground for a code', fromMasters.manyKeys],
  [3, 'a pin is written before the host has proven its key', onComputers.earlyPin],
  [4, 'text of the master becomes a line of ours', onComputers.linesOfTheMaster],
  [5, 'an address that has paid nothing is hit for what others have paid', paidByOthers],
  [6, 'pushes to an address whose participant has left', fromMasters.pushesToTheGone],
  [7, 'addresses that nobody may probe, named by a dishonest master', fromMasters.forbiddenAddresses],
  [8, "joins fill the master's table", fromMasters.fullOfJoins],
  [9, 'one /48 takes codes and places without end', fromMasters.fullOfCodes],
  ['9b', 'HTTP connections held open', onComputers.heldConnections],
  [10, 'ten silent knocks keep a door shut', fromHosts.silentKnocks],
  [11, 'passwords tried out', fromHosts.passwordGuesses],
  [12, '`y` lets in another than the one who is asked about', onComputers.wrongAsker],
  [13, 'codes tried out from a /48', fromMasters.codesTriedOut],
  [14, 'a banned friend is another at the next run', fromHosts.newKeyEachTime],
  [15, "the app's token on the browser's command line", onComputers.tokenOnCommandLine],
  [16, 'a local program takes the place of the game', onComputers.stolenSeat],
  [17, 'a private host tells its code to the LAN', onComputers.codeOnTheLan],
  [18, 'the answer of a LAN device stops the host', onComputers.slowAnswer],
  [19, 'a clock of 2^53', fromMasters.endlessClock],
];

let worked = 0;
for (const [number, what, attack] of ATTACKS) {
  if (values.only !== undefined && !values.only.includes(String(number))) continue;
  try {
    const result = await attack(build);
    if (result.worked) worked++;
    if (values.json) console.log(JSON.stringify(result));
    else
      console.log(
        `${String(number).padStart(3)}  ${result.worked ? 'WORKS' : 'fails'}  ${what}\n            ${result.counted}`,
      );
  } catch (error) {
    console.log(`${String(number).padStart(3)}  ?      ${what}\n            ${error.stack}`);
  }
}
if (!values.json) console.log(`\n${worked} attacks work`);
process.exit(worked === 0 ? 0 : 1);
