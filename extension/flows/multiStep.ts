import {
  type Disposable,
  type QuickInput,
  QuickInputButtons,
  type QuickPickItem,
  QuickPickItemKind,
  window,
} from 'vscode';
import type { ChoiceItem } from './rootChoices.js';

/** What a step of a flow came to: an answer, back to the step before, or an end of it all. */
export type StepResult<T> = { kind: 'answer'; value: T } | { kind: 'back' } | { kind: 'cancelled' };

/** Where a step stands in its flow. Counted from one; a lone question has one of one, and no number is shown. */
export interface StepPosition {
  title: string;
  step: number;
  totalSteps: number;
}

/** Asks to choose one of a list. The first choice, or `active`, is taken by Enter. */
export function pickStep<T>(
  position: StepPosition,
  placeholder: string,
  items: readonly ChoiceItem<T>[],
  active?: (choice: T) => boolean,
): Promise<StepResult<T>> {
  const input = window.createQuickPick<QuickPickItem & { choice?: T }>();
  input.placeholder = placeholder;
  input.matchOnDescription = true;
  input.items = items.map(({ choice, ...look }) =>
    choice === undefined ? { ...look, kind: QuickPickItemKind.Separator } : { ...look, choice },
  );
  const preferred = input.items.find(({ choice }) => choice !== undefined && active?.(choice));
  if (preferred) {
    input.activeItems = [preferred];
  }
  return ask(input, position, (done) => [
    input.onDidAccept(() => {
      const choice = input.selectedItems[0]?.choice;
      if (choice !== undefined) {
        done({ kind: 'answer', value: choice });
      }
    }),
    input.onDidTriggerButton(() => done({ kind: 'back' })),
  ]);
}

/** Asks to choose any number of a list, which is searched as one types. Those of `chosen` are ticked at first. */
export function manyStep<T>(
  position: StepPosition,
  placeholder: string,
  items: readonly ChoiceItem<T>[],
  chosen: (choice: T) => boolean,
): Promise<StepResult<T[]>> {
  const input = window.createQuickPick<QuickPickItem & { choice?: T }>();
  input.placeholder = placeholder;
  input.canSelectMany = true;
  input.matchOnDescription = true;
  input.items = items.map(({ choice, ...look }) =>
    choice === undefined ? { ...look, kind: QuickPickItemKind.Separator } : { ...look, choice },
  );
  input.selectedItems = input.items.filter(({ choice }) => choice !== undefined && chosen(choice));
  return ask(input, position, (done) => [
    input.onDidAccept(() =>
      done({
        kind: 'answer',
        value: input.selectedItems.flatMap(({ choice }) => (choice === undefined ? [] : [choice])),
      }),
    ),
    input.onDidTriggerButton(() => done({ kind: 'back' })),
  ]);
}

/** Asks for a line of text. `problem` says what is wrong with it while it is typed. */
export function textStep(
  position: StepPosition,
  prompt: string,
  options: { value?: string; placeholder?: string; problem?: (text: string) => string | undefined },
): Promise<StepResult<string>> {
  const input = window.createInputBox();
  input.prompt = prompt;
  input.value = options.value ?? '';
  input.placeholder = options.placeholder;
  const check = (text: string): string | undefined => {
    const problem = options.problem?.(text);
    input.validationMessage = problem;
    return problem;
  };
  return ask(input, position, (done) => [
    input.onDidChangeValue(check),
    input.onDidAccept(() => {
      if (check(input.value) === undefined) {
        done({ kind: 'answer', value: input.value });
      }
    }),
    input.onDidTriggerButton(() => done({ kind: 'back' })),
  ]);
}

/**
 * A flow of questions, each asked with what was answered so far, in this round or before going back. "Back" returns to
 * the question before. A step that answers `skip` has nothing to ask. Undefined when the person left.
 */
export async function runSteps<A>(
  defaults: A,
  steps: readonly ((answers: A, step: number, totalSteps: number) => Promise<StepResult<A> | 'skip'>)[],
): Promise<A | undefined> {
  let answers = defaults;
  let index = 0;
  let direction = 1;
  for (let ask = steps[index]; ask !== undefined; ask = steps[index]) {
    const result = await ask(answers, index + 1, steps.length);
    if (result === 'skip') {
      index += direction;
      continue;
    }
    if (result.kind === 'cancelled') {
      return undefined;
    }
    if (result.kind === 'answer') {
      answers = result.value;
      direction = 1;
    } else {
      direction = -1;
    }
    index += direction;
  }
  return index < 0 ? undefined : answers;
}

/** Passes a result on with its answer transformed. */
export function mapResult<T, U>(result: StepResult<T>, transform: (value: T) => U): StepResult<U> {
  return result.kind === 'answer' ? { kind: 'answer', value: transform(result.value) } : result;
}

function ask<T>(
  input: QuickInput & { buttons: readonly unknown[] },
  position: StepPosition,
  listen: (done: (result: StepResult<T>) => void) => Disposable[],
): Promise<StepResult<T>> {
  input.title = position.title;
  input.ignoreFocusOut = true;
  if (position.totalSteps > 1) {
    input.step = position.step;
    input.totalSteps = position.totalSteps;
  }
  if (position.step > 1) {
    input.buttons = [QuickInputButtons.Back];
  }
  return new Promise((resolve) => {
    let result: StepResult<T> = { kind: 'cancelled' };
    const subscriptions = listen((answer) => {
      result = answer;
      input.hide();
    });
    subscriptions.push(
      input.onDidHide(() => {
        for (const subscription of subscriptions) {
          subscription.dispose();
        }
        input.dispose();
        resolve(result);
      }),
    );
    input.show();
  });
}

/** A lone question, with a title that is already in the person's language. */
export function soleStep(title: string): StepPosition {
  return { title, step: 1, totalSteps: 1 };
}
