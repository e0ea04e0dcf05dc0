#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Speed: ours, the limit (the bare library calls that a job cannot do without) and the peers
(what a ministry would otherwise use), in one run on one machine.

One line for each job: medians with min..max, ratios, and the goal. Nothing is asserted: the
exit code says only whether the jobs ran. build/bench.csv gets every single measurement.

    run.py [--job NAME]... [--records N] [--runs N]
"""

import argparse
import os
import signal
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..')]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import jobs      # noqa: E402
import table     # noqa: E402
from setting import Setting, file_system   # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--job', action='append', choices=sorted(jobs.JOBS))
    parser.add_argument('--records', type=int, default=0)
    parser.add_argument('--runs', type=int, default=5)
    options = parser.parse_args()
    failed = []
    rows = []
    # So that what was made is removed, and PostgreSQL stopped, when somebody has no patience.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Setting(options.records, options.runs) as setting:
        print('# %d processors; stores on %s' % (os.cpu_count(), file_system(setting.disk)))
        print(table.head(), flush=True)
        for name in options.job or jobs.JOBS:
            try:
                for row in jobs.JOBS[name](setting):
                    rows.append(row)
                    print(row.line(), flush=True)
            except Exception:   # pylint: disable=broad-except
                traceback.print_exc()
                print('%s  did not run' % name, flush=True)
                failed.append(name)
        path = os.path.join(os.path.dirname(setting.build), 'bench.csv')
    table.write_csv(path, rows)
    print('# %s' % path)
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
