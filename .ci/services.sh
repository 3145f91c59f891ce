# Functions for .ci/run and .ci/full: system packages, PostgreSQL and Redis on the loopback, and background steps.

work="$(mktemp -d)"
declare -A started=()

step() { printf '\n=== %s (%ss)\n' "$1" "$SECONDS"; }

# Start a command in the background under a name without slashes. finish prints its output if it fails.
background() {
  local name="$1"
  shift
  set -m  # a process group of its own, so that clean_up ends its children as well
  ( set +m; "$@" ) >"$work/$name.log" 2>&1 </dev/null &
  set +m
  started[$name]=$!
}

# Wait for background steps. The first that failed ends the run with its output.
finish() {
  local name status
  for name in "$@"; do
    status=0
    wait "${started[$name]}" || status=$?
    unset "started[$name]"
    if [ "$status" != 0 ]; then
      step "$name failed with status $status"
      cat "$work/$name.log"
      exit "$status"
    fi
    step "$name: done"
  done
}

as_postgres() { if [ "$(id -u)" = 0 ]; then su postgres -c "$1"; else bash -c "$1"; fi; }
pg_bin() { ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1; }

clean_up() {
  local status=$? pid
  for pid in "${started[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
  if [ -e "$work/postgres/pgbouncer.pid" ]; then kill "$(cat "$work/postgres/pgbouncer.pid")" 2>/dev/null || true; fi
  if [ -e "$work/postgres/data/postmaster.pid" ]; then
    as_postgres "$(pg_bin)/pg_ctl -D $work/postgres/data -m immediate stop" >/dev/null 2>&1 || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT

# Install what a bare Debian needs before Python packages can be installed.
install_python() {
  local missing=()
  command -v python3 >/dev/null || missing+=(python3 python3-venv)
  command -v make >/dev/null || missing+=(make)
  command -v git >/dev/null || missing+=(git)
  install_missing "${missing[@]}"
}

install_services() {
  local missing=()
  command -v chromium >/dev/null || missing+=(chromium)
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  command -v curl >/dev/null || missing+=(curl)
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
  command -v redis-server >/dev/null || missing+=(redis-server)
  command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
  command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
  install_missing "${missing[@]}"
}

install_missing() {
  if [ $# -gt 0 ]; then
    echo "apt-get install $*"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  fi
}

# Choose the port of PostgreSQL before any process that connects to it starts.
choose_database() {
  export DB_HOST=127.0.0.1 DB_USER=postgres DB_PASSWORD=postgres DB_PORT
  DB_PORT="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
  chmod 711 "$work"
}

# Start a cluster with enough connections for the processes of the suite and their servers. Its data is deleted after the
# run, so it is not synced to disk.
start_services() {
  install_services
  local bin
  bin="$(pg_bin)"
  mkdir "$work/postgres"
  if [ "$(id -u)" = 0 ]; then chown postgres "$work/postgres"; fi
  as_postgres "cd $work/postgres && echo $DB_PASSWORD > password \
    && $bin/initdb -D data -U postgres --pwfile password -A scram-sha-256 --locale C.UTF-8 --no-sync >/dev/null \
    && $bin/pg_ctl -w -s -D data -l log start -o '-p $DB_PORT -k $work/postgres -c listen_addresses=127.0.0.1 \
       -c max_connections=400 -c fsync=off -c synchronous_commit=off'"
  redis-cli -h 127.0.0.1 ping >/dev/null 2>&1 \
    || redis-server --daemonize yes --bind 127.0.0.1 --port 6379 --save "" --appendonly no >/dev/null
  for _ in $(seq 50); do redis-cli -h 127.0.0.1 ping >/dev/null 2>&1 && return; sleep 0.2; done
  echo "Redis does not answer on port 6379"
  return 1
}

# Run tests with one process more than there are processors, because tests that wait for a server leave one idle. Each file
# runs in one process, which starts the servers of the file once. Only trust/ uses schemathesis. The machine is shared, and
# a browser may wait in vain beside the others: if only such tests failed, they run once more, alone.
suite() {
  local status=0
  tests -n "$(($(nproc) + 1))" --dist loadfile "$@" || status=$?
  if [ "$status" = 1 ] && ! tests --last-failed --collect-only -m 'not (browser or server)' >/dev/null; then
    step "once more, alone: the failed tests of servers and browsers"
    status=0
    tests --last-failed --hypothesis-profile=quick || status=$?
  fi
  return "$status"
}

tests() { .venv/bin/python -m pytest -q -p no:schemathesis "$@"; }

# PgBouncer in transaction mode before the cluster. The suite's database stays, because PgBouncer keeps connections to it.
reads_through_pgbouncer() {
  local port
  port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
  cat >"$work/postgres/pgbouncer.ini" <<INI
[databases]
* = host=127.0.0.1 port=$DB_PORT user=$DB_USER password=$DB_PASSWORD
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
auth_type = any
pool_mode = transaction
ignore_startup_parameters = extra_float_digits,options
unix_socket_dir =
logfile = $work/postgres/pgbouncer.log
pidfile = $work/postgres/pgbouncer.pid
INI
  as_postgres "PATH=$PATH:/usr/sbin pgbouncer -q -d $work/postgres/pgbouncer.ini"
  DB_PORT="$port" DB_PREPARED_STATEMENTS=false USE_POSTGRES=true DB_NAME=pooled \
    .venv/bin/python -m pytest -q -p no:schemathesis --reuse-db --create-db --hypothesis-profile=quick \
    config/tests/test_reads.py config/tests/test_compiled.py
}

suite_on_postgres() { USE_POSTGRES=true DB_NAME=ci REDIS_URL=redis://127.0.0.1:6379/15 suite "$@"; }
