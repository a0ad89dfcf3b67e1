"""What the fitting service does on this machine, beside what it is to do.

Every figure is of a real `inr serve` in a temporary folder, asked over the loopback by clients of this process, and can
be measured by itself:

    python -m studies.service load|fairness|tile|drop|start|page|sqlite|kills … | all [--jobs N]

- `load`: 100 clients (or N), each with one fit of a 64 x 64 picture in 300 steps, beside two processes that do nothing
  but `inr.fit` on one thread, before and after; and how long the state of a job takes to be told meanwhile.
- `fairness`: one user queues 1,000 jobs (or 10 N), another one: how many of the first user's begin before it.
- `tile`: tiles of 256 x 256 pixels beyond a picture's own, each another one, from a field that is loaded already.
- `drop`: from sending a picture to the bytes of its first preview, by workers that have fitted before.
- `start`: from starting the command to the first answer, and the memory of the server's process.
- `page`: bytes of the page's files.
- `sqlite`: 2,000 jobs done by 4 processes of which 30 are killed.
- `kills`: 50 seeded kills (or N / 2) of server, workers and both, over 200 jobs; see `studies/service_kills.py`.

They take some 6 minutes on two cores, and `kills` 10 more; nothing else should run, for the fits want both. Rows of
results/service.tsv that are measured again are replaced.
"""
