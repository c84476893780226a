/** What one does with a row of the list, from the row itself or from its details. */
import { showCode } from '../../core/model/code.ts';
import type { Server } from '../../master/api.ts';
import { toast } from '../kit/toast.tsx';
import { favourites, openRow } from '../list.ts';
import { answerText, isLocal, joinTarget, saveSettings, settings } from '../local.ts';
import { go } from '../router.ts';
import { copyText } from './copy-button.tsx';

/** The page of a host on this masterserver; the local page knows no web address of the master, so it gives the code. */
export function shareText(row: Server): string {
  return isLocal.value ? showCode(row.code) : `${location.origin}/j/${row.code}`;
}

/** An official public server is joined by its address, from the game itself (docs/seed.md S26): it is copied, and shown in the details. */
export async function join(row: Server): Promise<void> {
  if (row.address !== null) {
    openRow.value = row.hostId;
    await copyText(row.address);
  } else if (isLocal.value) {
    const refused = await joinTarget(row.code);
    if (refused !== null) toast(refused);
  } else go(`/j/${row.code}`);
}

export function toggleDetails(row: Server): void {
  openRow.value = openRow.value === row.hostId ? null : row.hostId;
}

/** Only the app keeps favourites, and only of what has a code. */
export function canBeFavourite(row: Server): boolean {
  return isLocal.value && row.code !== '';
}

export async function toggleFavourite(row: Server): Promise<void> {
  const kept = settings.value?.favourites ?? [];
  const without = kept.filter(({ code }) => code !== row.code);
  const { code, name } = row;
  const answer = await saveSettings({ favourites: favourites.value.has(code) ? without : [...kept, { code, name }] });
  if (!answer.ok) toast(answerText(answer));
}
