/** What a join page makes of its own address, and of the browser that shows it. */
import { parseJoinTarget } from '../core/wire/join-link.ts';
import { formatHostLink, parseMasterLink } from '../core/wire/master-link.ts';
import type { Download } from '../master/api.ts';

/**
 * The link for the app: everything that the address has behind its `#`. Where that is not all (somebody has cut it), the master is the one
 * whose page this is, and the host's key is trusted at the first join.
 */
export function fullLink(address: string, code: string, masterLink: string): string {
  const target = parseJoinTarget(address);
  const master = parseMasterLink(target?.master ?? masterLink);
  if ('problem' in master) return `sallyport://join/${code}`;
  return formatHostLink({ master, code, hostKey: target?.hostKey ?? null });
}

/** As far as browsers tell: those of a Mac do not say which processor it has, and all that are sold today are of one kind. */
export function systemOf(agent: string, platform: string): Pick<Download, 'system' | 'machine'> {
  const arm = /aarch64|arm64|armv8/i.test(`${agent} ${platform}`);
  if (/windows/i.test(agent)) return { system: 'windows', machine: arm ? 'arm64' : 'x64' };
  if (/mac/i.test(platform) || /mac os x/i.test(agent)) return { system: 'macos', machine: 'arm64' };
  if (/linux|x11/i.test(agent) && !/android/i.test(agent)) return { system: 'linux', machine: arm ? 'arm64' : 'x64' };
  return { system: null, machine: null };
}
