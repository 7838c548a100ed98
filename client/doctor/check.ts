/** What a check found. `fix` says what to do, in one sentence or command. */
export interface Finding {
  /** `warning`: the jobs run, but not as well or as safely as they could. */
  readonly state: 'ok' | 'warning' | 'wrong';
  readonly text: string;
  readonly fix?: string;
}

/** One thing that `surgicase doctor` checks. docs/doctor.md lists them by name. */
export interface Check<Subject> {
  readonly name: string;
  /** Checks that must not find a fault first, because this one would only find the same fault again. */
  readonly needs?: readonly string[];
  /**
   * Looks, and changes nothing. Returns a finding for each fault, or one that says what is right.
   * @throws the expected errors of the service that it asks, which count as a fault
   */
  look(subject: Subject): Promise<readonly Finding[]>;
}

/** A line of the report: a finding, or why a check was not made. */
export interface Line extends Omit<Finding, 'state'> {
  readonly check: string;
  readonly state: Finding['state'] | 'not checked';
}

export const ok = (text: string): Finding => ({ state: 'ok', text });
export const wrong = (text: string, fix: string): Finding => ({ state: 'wrong', text, fix });
export const warning = (text: string, fix: string): Finding => ({ state: 'warning', text, fix });

/** The findings, or `fine` when there are none. */
export const orOk = (findings: readonly Finding[], fine: string): readonly Finding[] =>
  findings.length > 0 ? findings : [ok(fine)];
