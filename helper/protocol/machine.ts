export type Verdict = 'works' | 'missing' | 'partial';

/** One line of the doctor: something that was tried, not guessed. */
export interface DoctorLine {
  /** Stable: `user-namespace`, `id-range`, `overlay`, `cgroup`… also the anchor in docs/doctor.md. */
  id: string;
  title: string;
  verdict: Verdict;
  /** What was tried and what the kernel answered. */
  tried: string;
  errno?: string;
  /** What does not work without it. */
  features: string[];
  fix?: string;
  command?: string;
  /** Milliseconds the trial took. */
  milliseconds?: number;
}

export interface DoctorReport {
  lines: DoctorLine[];
}
