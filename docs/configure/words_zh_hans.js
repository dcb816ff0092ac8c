// SPDX-License-Identifier: BSD-3-Clause
// The page in simplified Chinese: English sentence, translation.
"use strict";

const WORDS_ZH_HANS = {
  "Skip to the page": "跳到页面内容",
  "configure": "配置",
  "Language": "语言",
  "Nothing you type leaves this page: it has no network, and works from a file.":
    "您输入的内容不会离开本页：它不使用网络，从文件打开即可使用。",
  "Copy a link to these settings": "复制包含这些设置的链接",
  "Ways in": "使用方式",
  "The link holds the settings, never a password.": "链接中包含设置，绝不包含密码。",
  "A new password stands in {0}.": "{0} 中已填入新密码。",
  "Password": "密码",
  "Generate": "生成",
  "It has no such settings: {0}": "它没有这些设置：{0}",
  "Both ends": "两端",
  "What it costs": "代价",
  "Save each file on its machine, readable by nobody else: chmod 600.":
    "把每个文件存到各自的机器上，不让其他人读取：chmod 600。",
  "Six questions, and the files of both ends.": "六个问题，得到两端的文件。",
  "Steps": "分步",
  "Towards the Internet, as `ip link` names it: `eth1`; or `0000:03:00.0`.":
    "面向互联网的接口，名称见 `ip link`：`eth1`；或 `0000:03:00.0`。",
  "`198.18.0.1/24`. None: the box takes over what Linux has on the interface.":
    "`198.18.0.1/24`。不填：设备接管 Linux 在该接口上已有的地址。",
  "To the client, bits per second": "到客户端的带宽（bps）",
  "To the server, bits per second": "到服务端的带宽（bps）",
  "Address or name": "地址或名称",
  "UDP ports of the tunnel": "隧道的 UDP 端口",
  "The client listens on": "客户端侦听",
  "at port": "端口",
  "The server connects to": "服务端连接到",
  "Algorithm": "算法",
  "`100M`, or nothing: windows set themselves.": "`100M`；不填则自动调整窗口。",
  "Where the client finds it: `198.18.0.2`, `fd00:18::2`, `host.name`.":
    "客户端在哪里找到它：`198.18.0.2`、`fd00:18::2`、`host.name`。",
  "One, or a range that clients hop over: `3000-3010`.": "一个端口，或供客户端跳跃的范围：`3000-3010`。",
  "`127.0.0.1`: this machine's programs only.": "`127.0.0.1`：只供本机程序使用。",
  "Network interface, or PCI address": "网络接口，或 PCI 地址",
  "Addresses of its own": "自己的地址",
  "Gateway": "网关",
  "What runs over it": "用途",
  "The network between": "网络状况",
  "The server": "服务端",
  "Applications": "应用",
  "Encryption": "加密",
  "The boxes": "两端设备",
  "What shall pass through the tunnel?": "隧道里要传什么？",
  "How shall it be carried?": "用哪种协议传输？",
  "KCPTube's wire: TCP and UDP, what is lost is sent again": "KCPTube 协议：支持 TCP 和 UDP，丢包会重传",
  "UDP Hop's wire: UDP alone, each datagram once": "UDP Hop 协议：仅支持 UDP，每个数据报只发一次，不重传",
  "How many datagrams are lost?": "丢包率有多高？",
  "What runs at the ends?": "两端运行什么？",
  "The client's port": "客户端的端口",
  "The server's port": "服务端的端口",
  "kcpgate at both ends": "两端都是 kcpgate",
  "Games and VPNs repair what they lose: UDP Hop's wire keeps nothing waiting for what is sent again.":
    "游戏和 VPN 会自行补救丢包：使用 UDP Hop 协议，后面的数据不必等待重传。",
  "No parity is written: with it most versions of KCPTube and UDP Hop do not connect, or bring back wrong datagrams. Two boxes have it.":
    "未写入冗余包设置：启用后，多数版本的 KCPTube 和 UDP Hop 无法连接，或会恢复出错误的数据报。两端都是 kcpgate 时才会启用。",
  "KCPTube or UDP Hop is the client": "客户端运行 KCPTube 或 UDP Hop",
  "KCPTube or UDP Hop is the server": "服务端运行 KCPTube 或 UDP Hop",
  "A game, or voice": "游戏或语音",
  "A VPN, such as WireGuard": "VPN，如 WireGuard",
  "The web, many short connections": "网页，许多短连接",
  "Long transfers": "长时间传输",
  "Hardly any": "几乎不丢包",
  "About one in a hundred": "约 1%",
  "One in twenty, or more": "5% 或更高",
  "Remove entry {0}": "删除第 {0} 项",
  "Add an entry": "添加一项",
  "Ports": "网口",
  "Remove this port": "删除此网口",
  "Add a port": "添加网口",
  "Tunnel": "隧道",
  "Tunnels": "隧道",
  "Add a tunnel": "添加隧道",
  "Remove this tunnel": "删除此隧道",
  "The box": "设备",
  "Find a setting": "查找设置",
  "The reference": "参考手册",
  "Advanced settings, too": "也显示高级设置",
  "Go there": "前往",
  "The same tunnel for KCPTube or UDP Hop": "同一隧道，供 KCPTube 或 UDP Hop 使用",
  "What comes of it": "生成结果",
  "All settings": "全部设置",
  "Take line {0} away": "删除第 {0} 行",
  "Take it away": "删除它",
  "Call it {0}": "改名为 {0}",
  "Write {0}": "写成 {0}",
  "Add {0}: {1}": "添加 {0}：{1}",
  "Generate a password": "生成密码",
  "Take the comment away": "删除注释",
  "Take the comma away": "删除逗号",
  "Changed: {0}": "已更改：{0}",
  "Line {0}": "第 {0} 行",
  "What only a machine knows, its CPUs, directories and files, kcpgate --check-config says there.":
    "只有机器本身知道的（CPU、目录和文件），由那里的 kcpgate --check-config 说明。",
  "What it says": "检查结果",
  "Read as a .conf file, as kcpgate --import reads it.": "按 .conf 文件读取，与 kcpgate --import 相同。",
  "Read as a configuration of kcpgate, as kcpgate --check-config reads it.":
    "按 kcpgate 的配置读取，与 kcpgate --check-config 相同。",
  "Go on with all settings": "在全部设置中继续",
  "{0} was read.": "已读取 {0}。",
  "Paste a configuration of kcpgate, or a .conf file of KCPTube or UDP Hop, or open one.":
    "粘贴 kcpgate 的配置，或 KCPTube、UDP Hop 的 .conf 文件，或打开一个文件。",
  "The file's text": "文件内容",
  "Open a file": "打开文件",
  "Check a file": "检查文件",
  "choose": "请选择",
  "not written": "未写",
  "not written: {0}": "未写：{0}",
  "required": "必填",
  "Overhead": "开销",
  "{0} of each full packet of {1} bytes, {2}": "每个 {1} 字节的满长数据包占用 {0}，即 {2}",
  "Parity": "冗余包",
  "none: what is lost is sent again, a round trip later": "无：丢包要多等一个往返时间才会重传",
  "{0} datagrams more for each {1}: {2} of bandwidth; any {0} of {3} may be lost":
    "每 {1} 个数据报附加 {0} 个冗余包，多占带宽 {2}；每 {3} 个中最多可丢失任意 {0} 个",
  "Hops": "跳跃",
  "none: what is lost is gone": "无：丢失的数据不会补发",
  "none: there is one port and one address": "无：只有一个端口和一个地址",
  "only away from where nothing comes from": "仅在收不到对端数据时更换",
  "every {0} s, among what the record says": "每 {0} 秒一次，在记录所列的范围内",
  "every {0} s, among {1} ports and addresses": "每 {0} 秒一次，在 {1} 个端口和地址之间",
  "{0} and {1} segments: up to {2} for a channel whose windows are full":
    "{0} 和 {1} 个分段：窗口全满的通道最多占用 {2}",
  "Windows": "窗口",
  "they grow where the path needs it": "按需自动增大",
  "where the client says": "由客户端指定",
  "this box": "本设备",
  "the other end": "另一端",
  "applications at": "应用位于",
  "server": "服务端",
  "client": "客户端",
  "connects to": "连接到",
  "clients": "各客户端",
  "relay": "中继",
  "Copied.": "已复制。",
  "{0} was written.": "已写出 {0}。",
  "Copy {0}": "复制 {0}",
  "Copy": "复制",
  "Download {0}": "下载 {0}",
  "Download": "下载",
  "Nothing is wrong with it.": "没有发现错误。",
  "error": "错误",
  "warning": "警告",
  "whole number, {0} to {1}": "整数，{0} 到 {1}",
  "Name of this box. Two boxes on one machine need different names.":
    "本设备的名称。同一台机器上的两个设备需要不同的名称。",
  "name": "名称",
  "CPUs that move packets, one worker thread on each. CPU 0 exists everywhere; a box with cores to spare gives the tunnel others and leaves CPU 0 to Linux.":
    "处理数据包的 CPU，每个 CPU 运行一个工作线程。任何机器都有 CPU 0；核心充足的设备可把其他核心分给隧道，把 CPU 0 留给 Linux。",
  "whole number, or list, 0 to 1023": "整数或列表，0 到 1023",
  "Threads that serve the sockets of applications, anywhere on the CPUs the process may use. More than one helps when one is busy all the time, and there are CPUs to spare: connections and UDP flows are spread over them.":
    "为应用的套接字服务的线程，可在进程能用的任何 CPU 上。当一个线程一直忙碌且有 CPU 富余时，多个线程有用：连接和 UDP 流会分摊到它们上面。",
  "`busy` never sleeps; `adaptive` sleeps while there is nothing to do, until a frame, a message or a timer wakes it, and naps 100 µs at most under load, so that work gathers.":
    "`busy` 从不休眠；`adaptive` 空闲时休眠，直到有帧、消息或定时器将其唤醒；有负载时每次最多短暂休眠 100 µs，以便批量处理。",
  "Memory for packets and channels.": "用于数据包和通道的内存。",
  "Where Prometheus finds the box's numbers: `unix:/path`, a socket of the box's user, or an address of the loopback with a port, `127.0.0.1:9464`.":
    "Prometheus 在哪里取得本设备的数字：`unix:/path`（属于设备用户的套接字），或回环地址加端口，如 `127.0.0.1:9464`。",
  "text": "文本",
  "Further options for DPDK's EAL, one text each. Options on the command line come after these.":
    "传给 DPDK EAL 的其他选项，每条一个文本。命令行上的选项排在它们之后。",
  "text, or list": "文本或列表",
  "UDP ports from which clients' channels leave, one range of 64 to 16384. Those that Linux has a socket on are left alone.":
    "客户端通道发出时使用的 UDP 端口，一个含 64 到 16384 个端口的范围。Linux 已有套接字的端口不会动用。",
  "port, range, or list": "端口、范围或列表",
  "Network ports that DPDK drives.": "由 DPDK 驱动的网口。",
  "Tunnels.": "隧道。",
  "Use hugepages. `false` works everywhere, slower.": "使用大页内存。`false` 在任何机器上都可用，但较慢。",
  "Other programs of DPDK may attach, `dpdk-dumpcap` for one: the hugepages are files while the box runs, and who may open these may read and write all in them.":
    "允许其他 DPDK 程序（例如 `dpdk-dumpcap`）接入：运行期间大页内存以文件形式存在，能打开这些文件的人可以读写其中的一切。",
  "MiB for packets and channels; the box never takes more.": "用于数据包和通道的内存（MiB）；设备绝不会占用更多。",
  "Name in messages and counters.": "消息和计数器中的名称。",
  "PCI address (`0000:03:00.0`), or a DPDK virtual device with its arguments (`net_af_xdp0,iface=eth1`).":
    "PCI 地址（`0000:03:00.0`），或带参数的 DPDK 虚拟设备（`net_af_xdp0,iface=eth1`）。",
  "Kernel interface that mirrors the port: same MAC, the addresses, up. Linux gets and sends there whatever belongs to no tunnel.":
    "与该网口对应的内核接口：相同的 MAC、这些地址、已启用。不属于任何隧道的数据由 Linux 在此收发。",
  "interface name": "接口名称",
  "What makes the interface `tap`: `tap` Linux's own driver, or `vhost` the kernel's vhost-net, to which a burst costs one notification; where that cannot be had it is `tap` again, with a warning.":
    "由什么建立接口 `tap`：`tap` 是 Linux 自己的驱动；`vhost` 是内核的 vhost-net，一批数据只需一次通知；无法使用时仍为 `tap`，并给出警告。",
  "Bytes of the largest IP packet; 1280 or more with IPv6.": "最大 IP 包的字节数；使用 IPv6 时至少 1280。",
  "VLAN whose tagged frames the port takes and sends; 0: untagged.": "该网口收发哪个 VLAN 的带标签帧；0：不带标签。",
  "Several workers: rules in the NIC bring each of them what is sent to its share of a server's `listen_port`.":
    "有多个工作线程时：网卡中的规则把发往服务端 `listen_port` 各份额的数据带给各自的工作线程。",
  "Linux's ICMP errors about tunnels' UDP ports leave, as those about others do. Who asks can then tell which ports are in use.":
    "Linux 关于隧道 UDP 端口的 ICMP 错误照样发出，与其他端口一样。这样询问者就能看出哪些端口在使用。",
  "What Linux has on the interface under the port, addresses, routes and neighbours, moves to the TAP, and back at the end. `false`: addresses and routes there are an error.":
    "Linux 在网口之下的接口上所有的地址、路由和邻居移到 TAP，结束时移回。`false`：那里有地址和路由就是错误。",
  "The port's own addresses, with prefix length, at most 16.": "网口自己的地址，带前缀长度，最多 16 个。",
  "address/length, or list": "地址/长度，或列表",
  "Routers for everything else, at most one per IP version, in one of the addresses' networks.":
    "默认网关，用于其他所有目的地，每个 IP 版本最多一个，须位于上述地址所在的网段。",
  "IP address, or list": "IP 地址或列表",
  "Not there.": "没有此设置。",
  "`client` takes connections of applications, `server` makes them. `relay` has the tunnel's wire on both sides: see below.":
    "`client` 接受应用程序的连接，`server` 建立到应用程序的连接。`relay` 两侧都是隧道：见下文。",
  "Relay: the leg towards the clients, which is a server's.": "中继：朝向客户端的一段，相当于服务端。",
  "Relay: the leg towards the server, which is a client's.": "中继：朝向服务端的一段，相当于客户端。",
  "Local addresses: for a client's applications, for a server's tunnel. `0.0.0.0`: any of IPv4, `::`: any of IPv6. None: any address.":
    "本地地址：客户端用于应用，服务端用于隧道。`0.0.0.0`：任意 IPv4；`::`：任意 IPv6。不写：任意地址。",
  "Client: the one TCP and UDP port for applications, or `{}` for those of `custom_input`. Server: the UDP ports of the tunnel, as many as you like.":
    "客户端：供应用使用的那一个 TCP 和 UDP 端口，或用 `{}` 表示 `custom_input` 中的端口。服务端：隧道的 UDP 端口，数量不限。",
  "Takes several ports in a client and uses the lowest; hangs on a range up to 65535; refuses `5-5`.":
    "客户端写多个端口时取最小的；范围到 65535 时会卡死；拒绝 `5-5`。",
  "Client: the server's UDP ports, one is chosen at random for every channel. Server: the one port of the application, or `{}`: the client says where to.":
    "客户端：服务端的 UDP 端口，每个通道随机选一个。服务端：应用的那一个端口，或 `{}`：由客户端指定目标。",
  "Up to v0.7.7 a server with `{}` needs a port and an address besides.":
    "v0.7.7 及以前，写 `{}` 的服务端还需要端口和地址。",
  "Client: the server, one of several is chosen at random for every channel. Server: the one address of the application, or `{}`: the client says where to. One `{}` is enough for both keys.":
    "客户端：服务端，有多个时每个通道随机选一个。服务端：应用的那一个地址，或 `{}`：由客户端指定目标。两个键写一个 `{}` 就够。",
  "Asks for names of a client's servers once.": "客户端的服务端名称只查询一次。",
  "IP address or host name, or list": "IP 地址、主机名，或列表",
  "Client: the name of a DNS TXT record, `198.18.0.2:3000` or `[fd00:18::2]:3000`, instead of the two above.":
    "客户端：一条 DNS TXT 记录的名称，记录内容为 `198.18.0.2:3000` 或 `[fd00:18::2]:3000`，代替以上两项。",
  "Asks once; the last of several records counts.": "只查询一次；有多条记录时以最后一条为准。",
  "host name": "主机名",
  "Server with one `listen_port`: STUN servers that are asked how this port looks from outside, so often that a NAT does not forget it. Port 3478 unless given.":
    "仅限只有一个 `listen_port` 的服务端：用于查询此端口外部地址的 STUN 服务器；查询足够频繁，使 NAT 映射不会失效。不写端口时为 3478。",
  "Takes no port; asks by IPv4 only.": "不接受端口；只用 IPv4 询问。",
  "host, host:port, or list": "主机、主机:端口，或列表",
  "Program that is run with `ADDRESS:PORT` when the outside IPv4 address has changed.":
    "外部 IPv4 地址变化时运行的程序，参数为 `ADDRESS:PORT`。",
  "Leaves it its descriptors.": "会把自己的文件描述符留给该程序。",
  "The same with `[ADDRESS]:PORT` for IPv6.": "IPv6 时相同，参数为 `[ADDRESS]:PORT`。",
  "Gives it the port of IPv4.": "给它的是 IPv4 的端口。",
  "Directory, which must be there, for the tunnel's messages, its status every minute, and `ip_address.txt`, which has the outside addresses.":
    "必须已存在的目录，存放该隧道的消息、每分钟的状态，以及含有外部地址的 `ip_address.txt`。",
  "`ip_address.log` loses the addresses after a second.": "`ip_address.log` 一秒后就丢失地址。",
  "Must be the same at both ends. `XOR` and `none` take no password, keep nothing secret and find only accidental changes.":
    "两端必须相同。`XOR` 和 `none` 不用密码，不保密，只能发现偶然的改变。",
  "Must be the same at both ends; required for all algorithms but `XOR` and `none`. White space around it does not count.":
    "两端必须相同；除 `XOR` 和 `none` 外的算法都必须有。首尾的空白不算。",
  "A file with the password, one line, in place of `encryption_password`; read at the start and at a reload.":
    "含有密码的文件，只有一行，代替 `encryption_password`；在启动和重新加载时读取。",
  "path": "路径",
  "Seconds after which a silent UDP flow ends. Other numbers mean the default, with a warning.":
    "UDP 流空闲多少秒后结束。其他数值按默认值处理，并给出警告。",
  "Datagrams for applications: `sequence` gives them in the order in which they were sent, so that one that is lost and sent again holds up those behind it; `arrival` gives each as soon as it is whole, for games, voice and VPNs.":
    "给应用的数据报：`sequence` 按发送顺序交付，丢失后重发的会挡住后面的；`arrival` 一旦完整就交付，适合游戏、语音和 VPN。",
  "Milliseconds after which a datagram of an application is of no use: one that still waits is thrown away, and one that was lost is not sent again, for games and voice: `300` suits most. Each end has its own, for what it sends. 0: each is sent until it arrives.":
    "应用的数据报多少毫秒后不再有用：还在等待的被丢弃，丢失的不再重发，适合游戏和语音：多数情况下 `300` 即可。两端各自设置，只对自己发出的生效。0：一直重发到送达。",
  "Seconds between signs of life in a channel; 0: none. Larger numbers are taken as the largest, with a warning.":
    "通道中每隔多少秒发送一次保活包（Keep Alive）；0：不发送。更大的数值按最大值处理，并给出警告。",
  "Takes negative numbers as 0.": "负数按 0 处理。",
  'Client: seconds between hops to another of the server\'s ports and addresses; `"30-90"`: by chance in between. 0: only away from where nothing comes from. Without effect where there is one port and one address.':
    '客户端：每隔多少秒跳到服务端的另一个端口和地址；`"30-90"`：在其间随机。0：只在没有任何数据到来时离开。只有一个端口和一个地址时不起作用。',
  "1 to 19 count as 20, for a hop there may lose something. 0 stays with what is silent. No intervals.":
    "1 到 19 按 20 处理，因为那里的跳跃可能丢数据。0 会留在没有回音的地方。没有区间。",
  "seconds, or text `FROM-TO`": "秒，或文本 `FROM-TO`",
  "Bits per second towards the peer, number or text with a unit: `K` `M` `G` count in 1024, `k` `m` `g` in 1000. Sizes the send window once the delay is known. 0: windows stay as set.":
    "朝对端的比特每秒，数字或带单位的文本：`K` `M` `G` 按 1024，`k` `m` `g` 按 1000。延迟已知后决定发送窗口。0：窗口保持所设。",
  "Loses the last digit of a number without unit.": "会丢掉无单位数字的最后一位。",
  "bits per second": "bps（比特/秒）",
  "The same from the peer, for the receive window.": "来自对端的同一数值，用于接收窗口。",
  "No IPv6 in this tunnel.": "此隧道不用 IPv6。",
  "Any value, `no` too, switches it on.": "任何值（包括 `no`）都会打开它。",
  "No IPv4 in this tunnel.": "此隧道不用 IPv4。",
  "UDP of applications that comes and goes through a port does not pass through Linux, once its flow is known there. `false`: for Linux to filter or translate it.":
    "经网口进出的应用 UDP，在流已知之后不再经过 Linux。`false`：供 Linux 过滤或转换。",
  "Client: VRF, or another interface of Linux, by which applications come in. With one there is no `fast_path`.":
    "客户端：应用由哪个 VRF 或 Linux 的其他接口进来。写了它就没有 `fast_path`。",
  "`fib_ingress`, on FreeBSD.": "`fib_ingress`，在 FreeBSD 上。",
  "Server: VRF, or another interface of Linux, by which applications are connected to. Names are asked for without it. With one there is no `fast_path`.":
    "服务端：经哪个 VRF 或 Linux 的其他接口连接应用。查询名称时不用它。写了它就没有 `fast_path`。",
  "`fib_egress`, on FreeBSD.": "`fib_egress`，在 FreeBSD 上。",
  "Send data at once instead of on the grid of `kcp_interval`.": "立即发送数据，而不是按 `kcp_interval` 的节拍。",
  "Bytes of the largest IP packet that passes from end to end. `kcp_mtu` follows from it.":
    "能从一端通到另一端的最大 IP 包的字节数。`kcp_mtu` 由它得出。",
  "Its packets come out up to 48 bytes larger than it says.": "它的包会比所写的多出最多 48 字节。",
  "What passes to each peer, in bytes of IP packets: `auto` finds it out, `off` does not ask and lets routers cut, a number is taken as it stands.":
    "到各对端能通过的最大 IP 包，以字节计：`auto` 自动探测；`off` 不探测，由路由器分片；数字则直接采用。",
  "The kernel learns from routers only.": "内核只从路由器得知。",
  "`auto`, `off`, or whole number, 576 to 65535": "`auto`、`off`，或整数，576 到 65535",
  "Bytes of one KCP datagram, its 24-byte headers included. Without effect beside `mtu`.":
    "一个 KCP 数据报的字节数，包括其 24 字节的头。写了 `mtu` 时不起作用。",
  "1418 unless set; no limits.": "不设时为 1418；没有限制。",
  "whole number, 0 or 64 to 2000": "整数，0 或 64 到 2000",
  "Preset of the KCP numbers. `manual`: the four below.": "KCP 参数的预设方案。`manual`：手动设置下面四项。",
  "How the time-out of a segment grows: 0 doubles it, 1 adds half of it, 2 adds half of the current estimate. Only with `manual`.":
    "分段的超时如何增长：0 加倍，1 加上其一半，2 加上当前估计的一半。只用于 `manual`。",
  "Milliseconds of the grid on which is sent when `blast` is off. Only with `manual`.":
    "`blast` 关闭时发送节拍的毫秒数。只用于 `manual`。",
  "Later datagrams acknowledged before a missing one is sent again; 0: wait for the time-out. Only with `manual`.":
    "缺失的数据报之后确认了多少个才重发它；0：等待超时。只用于 `manual`。",
  "No congestion window. Only with `manual`.": "不用拥塞窗口。只用于 `manual`。",
  "Segments under way at most, at least those of a datagram of `mtu` bytes. Bandwidth × delay / `kcp_mtu` is enough. Not written: as many may be unacknowledged, and what is acknowledged behind a loss does not count. Larger numbers are taken as the largest, with a warning.":
    "最多有多少分段在途，至少要容下一个 `mtu` 字节的数据报。带宽 × 延迟 / `kcp_mtu` 就够。不写：可以有这么多未被确认，丢失之后已确认的不算。更大的数字按最大值处理，并给出警告。",
  "Stalls its peer with windows over 65535.": "窗口超过 65535 时会让对端停住。",
  "Segments held for the application at most, 128 at least. Not written: more where the path needs it, up to 65535 and as far as memory goes. Larger numbers are taken as the largest, with a warning.":
    "最多为应用保留多少分段，至少 128。不写：线路需要时会更多，最多 65535，且以内存为限。更大的数字按最大值处理，并给出警告。",
  "How fast data leaves: `auto` finds out what the path has, keeps queues short, and takes windows and bandwidths that are written for upper bounds; `fair` takes as much as a TCP connection beside it; `scavenger` takes what others leave, and gives way to any queue; bits per second are to arrive, and up to three tenths more than that is sent where so much is lost; `window` sends a window in each round trip, and less where a queue overflows by it. Without `kcp_nc` there is only `window`.":
    "数据以多快的速度发出：`auto` 找出线路有多少，使队列保持短，并把所写的窗口和带宽当作上限；`fair` 与旁边的一条 TCP 连接占得一样多；`scavenger` 只用别人剩下的，一有队列就让路；写每秒比特数，就要到达这么多，丢失时最多多发三成来补足；`window` 每个往返发一个窗口，队列因此溢出时减少。没有 `kcp_nc` 就只有 `window`。",
  "Forward error correction: of every DATA datagrams of a channel, PARITY more are made; as many may be lost without anything sent again. 255 at most together. Must be the same at both ends. None, or a 0 on either side: off.":
    "前向纠错：通道中每 DATA 个数据报附加 PARITY 个冗余包；丢失不超过 PARITY 个时无需重传。两者之和最多 255。两端必须相同。不写或任一侧为 0：关闭。",
  "Right parity only up to v0.7.2; since v0.7.5 no connection comes about.":
    "只有 v0.7.2 及更早版本的冗余包是正确的；从 v0.7.5 起无法建立连接。",
  "text `DATA:PARITY`": "文本 `DATA:PARITY`",
  "Client: so many channels, opened at the start, that all connections and UDP flows share; every worker has one at least. 0: each has a channel of its own. A server takes both. Larger numbers are taken as the largest, with a warning.":
    "客户端：启动时打开多少个通道，由所有连接和 UDP 流共用；每个工作线程至少有一个。0：各有自己的通道。服务端两者都接受。更大的数字按最大值处理，并给出警告。",
  'Client with `"listen_port": "{}"`: where applications come in, and where the server shall connect them to.':
    '写了 `"listen_port": "{}"` 的客户端：应用从哪里进来，以及服务端要把它们连接到哪里。',
  "Since v0.7.0 a client with mappings does not start.": "自 v0.7.0 起，带映射的客户端无法启动。",
  "Server with `{}`: what clients may reach. None: everything.": "写了 `{}` 的服务端：客户端可以到达什么。不写：全部。",
  "address:ports, or list": "地址:端口，或列表",
  "What is taken.": "接受什么。",
  "Where applications come in: `:8000` on any address, `127.0.0.1:8000`, `[fd00:18::1]:8000`.":
    "应用从哪里进来：`:8000` 任意地址，`127.0.0.1:8000`，`[fd00:18::1]:8000`。",
  "address:port, or :port": "地址:端口，或 :端口",
  "Where the server connects them to: `127.0.0.1:8000`, `[::1]:53`, or `host.name:443`, which the server resolves.":
    "服务端把它们连接到哪里：`127.0.0.1:8000`、`[::1]:53`，或由服务端解析的 `host.name:443`。",
  "address:port, or name:port": "地址:端口，或名称:端口",
  "What the wire is, the same at both ends. `kcptube`: TCP and UDP, and what is lost is sent again. `udphop`: UDP alone, each datagram once, as UDP Hop does it, for VPNs and games that repair themselves: docs/udphop.md.":
    "传输协议，两端必须相同。`kcptube`：支持 TCP 和 UDP，丢包会重传。`udphop`：仅支持 UDP，每个数据报只发一次，与 UDP Hop 相同，适合自带重传或容错的 VPN 和游戏：docs/udphop.md。",
  "UDP Hop is a program of its own.": "UDP Hop 是另一个程序。",
  "Client: 5-tuples, each with a local port of its own, over which all channels to an address of the server are spread at once, both ways, where a carrier caps or punishes each; one that is punished is left for another. 1: one, which is left when it is punished. 0: each channel has its own, and nobody looks. Needs `rate` `auto`.":
    "客户端：同时使用的五元组数量，每个都有自己的本地端口；到服务端同一地址的所有通道双向分摊到它们上面，适合运营商对单个五元组限速或惩罚的网络；受到惩罚的会被换掉。1：只用一个，受到惩罚时更换。0：每个通道各用自己的，不作检测。需要 `rate` 为 `auto`。",
};
