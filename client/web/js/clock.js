/* clock.js - the lesson's clock on this screen, whatever the machine's own clock says. */

/** Keeps the smallest seen difference: a delayed message makes time look later than it is. */
export class LessonClock {
    /** @param {() => number} now monotonic milliseconds */
    constructor(now = () => performance.now()) {
        this.now = now;
        /** @type {number | null} lesson ms minus local ms */
        this.offset = null;
        this.running = false;
        this.stoppedAt = 0;
    }

    /**
     * A message said: the lesson's clock stood at `lessonMs` when I left.
     * @param {number} lessonMs @param {boolean} [running]
     */
    hear(lessonMs, running = true) {
        if (!Number.isFinite(lessonMs) || lessonMs < 0)
            return;
        this.running = running;
        if (!running) {
            this.stoppedAt = lessonMs;
            this.offset = null;
            return;
        }
        const offset = lessonMs - this.now();
        if (this.offset === null || offset > this.offset || this.offset - offset > 5000)
            this.offset = offset;
    }

    /** Milliseconds since the lesson began, 0 if nobody has said. */
    ms() {
        if (!this.running || this.offset === null)
            return this.stoppedAt;
        return Math.max(0, this.now() + this.offset);
    }
}
