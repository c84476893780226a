/** Which ports of a masterserver this computer reaches, for whoever runs it and has a second computer: `sallyport master --self-test`. */
import { type MasterLink, type PortSurvey, PortSurveyMachine, socketIds, type WayReport } from '../core/index.ts';
import { networkNow, nodeCrypto, SallyportError, systemRandom } from '../node/index.ts';
import { driveOnce } from './drive-once.ts';
import { lookUp } from './names.ts';
import { masterAt } from './open.ts';
import { surveyWays } from './way-survey.ts';

export interface MasterSurvey extends PortSurvey {
  /** Its further UDP port and its HTTPS, where the link names them. */
  readonly ways: readonly WayReport[];
  /** Of this computer: a master that sees it at one of these sees it from inside. */
  readonly own: readonly string[];
}

/** Ends within 12 s. Rejects where the name of the master has no address. */
export async function surveyMaster(link: MasterLink, signal: AbortSignal): Promise<MasterSurvey> {
  const { families } = networkNow([link.host]);
  const { master: addresses } = await lookUp(link.host, [], families);
  if (addresses.length === 0)
    throw new SallyportError('MASTER_UNREACHABLE', { detail: `The name ${link.host} has no address.` });
  const master = masterAt(link, addresses);
  const machine = new PortSurveyMachine({
    ...{ master, families, crypto: nodeCrypto, random: systemRandom, sockets: socketIds(), wallClock: Date.now },
  });
  const [{ survey }, ways] = await Promise.all([driveOnce(machine, { signal }), surveyWays(master, link)]);
  return { ...survey, ways: ways.filter(({ way }) => way !== 'udp'), own: networkNow().addresses };
}
