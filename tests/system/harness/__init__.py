"""What the system tests are made of: real servers, a scripted fake one, the
daemon, subscribers, and the means to wait for something without sleeping.

Nothing here knows a test.  Every object owns one temporary directory or one
socket and gives it back in close(); the fixtures in conftest.py call that,
also when a test has failed.  Processes are ended by their pid only, and die
with the test process should that be killed.

Environment:
  PINFOD        the daemon to test        (default: build/pinfod of this tree)
  REDIS_SERVER  the server to test against
  TEST_SLOW     factor on every time-out  (3 under sanitizers, say)
"""

from .burden import MIB, Burden, cpu_seconds, descriptors, sanitized
from .cluster import Cluster, ClusterNode
from .conf import (
    ConfFile, conf_group, conf_target, conf_text, conf_value, parse_conf, quoted,
)
from .daemon import Daemon, clean_environment, pinfod_binary, run_pinfod
from .fake import FAKE_INFO, FakeConnection, FakeServer
from .feed import Feed, Message
from .groups import GroupWatch
from .incidents import (
    Notices, Watch, cancel_save, first_shown, info, save_child, slow_save,
)
from .names import NameServer, Namespace
from .processes import (
    die_with_parent, free_port, process_state, suspend, temporary_directory,
)
from .resp import Push, ReplyError, Resp, answer, bulk, encode
from .sentinel import Sentinel, SentinelGroup
from .server import RedisServer, redis_binary
from .shim import Shim
from .tls import Authority, Certificate, TlsFakeServer
from .waiting import SLOW, eventually, let_pass, nothing_for, slips, ticks
