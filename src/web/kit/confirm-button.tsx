import type { IconNode } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { t } from '../messages/index.ts';
import { Icon } from './icon.tsx';

/** A button for what can't be taken back by the next click: it asks first, in a dialog that Escape leaves. */
export function ConfirmButton(props: {
  readonly label: string;
  readonly question: string;
  /** What follows from it. */
  readonly children?: ComponentChildren;
  /** The word on the button that does it; the label where it is not given. */
  readonly confirm?: string;
  readonly icon?: IconNode;
  readonly id?: string;
  readonly class?: string;
  readonly onConfirm: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const confirmed = (): void => {
    dialog.current?.close();
    props.onConfirm();
  };
  return (
    <>
      <button type="button" class={props.class ?? 'danger'} id={props.id} onClick={() => dialog.current?.showModal()}>
        {props.icon === undefined ? null : <Icon of={props.icon} />}
        {props.label}
      </button>
      <dialog ref={dialog} aria-label={props.question}>
        <div class="stack">
          <h2>{props.question}</h2>
          {props.children === undefined ? null : <p>{props.children}</p>}
          <p class="actions">
            <button type="button" class="danger full" data-confirm onClick={confirmed}>
              {props.confirm ?? props.label}
            </button>
            <button type="button" class="quiet" autofocus onClick={() => dialog.current?.close()}>
              {t('common.cancel')}
            </button>
          </p>
        </div>
      </dialog>
    </>
  );
}
