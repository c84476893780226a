/** Which masterserver is meant: of `--master`, of a link, or of `SALLYPORT_MASTER`, in this order. */
import type { JoinTarget } from '../core/index.ts';
import { LIMITS } from '../core/limits.ts';
import { formatMasterLink, parseMasterLink } from '../core/wire/master-link.ts';
import { SallyportError } from '../node/failure.ts';
import { masterName } from './agent-flags.ts';
import type { Terminal } from './terminal.ts';
import { t } from './words/index.ts';

interface MasterWishes {
  readonly master: string | undefined;
  /** It stands in the command line, not in the variable. */
  readonly given: boolean;
}

/** A whole link names its master, and the page of a host knows it. Only one given by hand goes before it, which is said. */
export async function masterOf(
  { master, given }: MasterWishes,
  target: Pick<JoinTarget, 'master' | 'page'>,
  terminal: Terminal,
): Promise<string | undefined> {
  if (given) {
    const own = target.master ?? target.page;
    if (own !== null && target.master !== master)
      terminal.fact(
        'warn',
        'Master',
        t('{own} of the link is not asked, but the one of --master', { own: masterName(own) || own }),
      );
    return master;
  }
  if (target.master !== null) return target.master;
  if (target.page === null) return master;
  const told = await masterOfPage(target.page);
  if (told !== null) return told;
  throw new SallyportError('MASTER_UNREACHABLE', {
    detail: t('The page {page} does not tell of it.', { page: target.page }),
  });
}

/** The link of the masterserver behind a page; null where the page does not tell it. */
async function masterOfPage(origin: string): Promise<string | null> {
  try {
    const answer = await fetch(`${origin}/api/v1/master`, {
      signal: AbortSignal.timeout(LIMITS.nameLookupMs),
      redirect: 'error',
    });
    const { link } = (await answer.json()) as { readonly link?: unknown };
    const master = typeof link === 'string' ? parseMasterLink(link) : null;
    return master === null || 'problem' in master ? null : formatMasterLink(master);
  } catch {
    return null;
  }
}
