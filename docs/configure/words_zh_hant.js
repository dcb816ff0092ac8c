// SPDX-License-Identifier: BSD-3-Clause
// The page in traditional Chinese: English sentence, translation.
"use strict";

const WORDS_ZH_HANT = {
  "Skip to the page": "跳到頁面內容",
  "configure": "配置",
  "Language": "語言",
  "Nothing you type leaves this page: it has no network, and works from a file.":
    "您輸入的內容不會離開本頁：它不使用網路，從檔案開啟即可使用。",
  "Copy a link to these settings": "複製包含這些設定的連結",
  "Ways in": "使用方式",
  "The link holds the settings, never a password.": "連結中包含設定，絕不包含密碼。",
  "A new password stands in {0}.": "{0} 中已填入新密碼。",
  "Password": "密碼",
  "Generate": "生成",
  "It has no such settings: {0}": "它沒有這些設定：{0}",
  "Both ends": "兩端",
  "What it costs": "代價",
  "Save each file on its machine, readable by nobody else: chmod 600.":
    "把每個檔案存到各自的機器上，不讓其他人讀取：chmod 600。",
  "Six questions, and the files of both ends.": "六個問題，得到兩端的檔案。",
  "Steps": "分步",
  "Towards the Internet, as `ip link` names it: `eth1`; or `0000:03:00.0`.":
    "面向網際網路的介面，名稱見 `ip link`：`eth1`；或 `0000:03:00.0`。",
  "`198.18.0.1/24`. None: the box takes over what Linux has on the interface.":
    "`198.18.0.1/24`。不填：設備接管 Linux 在該介面上已有的地址。",
  "To the client, bits per second": "到用戶端的頻寬（bps）",
  "To the server, bits per second": "到伺服器端的頻寬（bps）",
  "Address or name": "地址或名稱",
  "UDP ports of the tunnel": "隧道的 UDP 連接埠",
  "The client listens on": "用戶端偵聽",
  "at port": "連接埠",
  "The server connects to": "伺服器端連線到",
  "Algorithm": "演算法",
  "`100M`, or nothing: windows set themselves.": "`100M`；不填則自動調整視窗。",
  "Where the client finds it: `198.18.0.2`, `fd00:18::2`, `host.name`.":
    "用戶端在哪裡找到它：`198.18.0.2`、`fd00:18::2`、`host.name`。",
  "One, or a range that clients hop over: `3000-3010`.": "一個連接埠，或供用戶端跳躍的範圍：`3000-3010`。",
  "`127.0.0.1`: this machine's programs only.": "`127.0.0.1`：只供本機程式使用。",
  "Network interface, or PCI address": "網路介面，或 PCI 地址",
  "Addresses of its own": "自己的地址",
  "Gateway": "閘道器",
  "What runs over it": "用途",
  "The network between": "網路狀況",
  "The server": "伺服器端",
  "Applications": "應用",
  "Encryption": "加密",
  "The boxes": "兩端設備",
  "What shall pass through the tunnel?": "隧道裡要傳什麼？",
  "How shall it be carried?": "用哪種協定傳輸？",
  "KCPTube's wire: TCP and UDP, what is lost is sent again": "KCPTube 協定：支援 TCP 和 UDP，掉包會重傳",
  "UDP Hop's wire: UDP alone, each datagram once": "UDP Hop 協定：僅支援 UDP，每個資料報只發一次，不重傳",
  "How many datagrams are lost?": "掉包率有多高？",
  "What runs at the ends?": "兩端執行什麼？",
  "The client's port": "用戶端的連接埠",
  "The server's port": "伺服器端的連接埠",
  "kcpgate at both ends": "兩端都是 kcpgate",
  "Games and VPNs repair what they lose: UDP Hop's wire keeps nothing waiting for what is sent again.":
    "遊戲和 VPN 會自行補救掉包：使用 UDP Hop 協定，後面的資料不必等待重傳。",
  "No parity is written: with it most versions of KCPTube and UDP Hop do not connect, or bring back wrong datagrams. Two boxes have it.":
    "未寫入冗餘包設定：啟用後，多數版本的 KCPTube 和 UDP Hop 無法連線，或會還原出錯誤的資料報。兩端都是 kcpgate 時才會啟用。",
  "KCPTube or UDP Hop is the client": "用戶端執行 KCPTube 或 UDP Hop",
  "KCPTube or UDP Hop is the server": "伺服器端執行 KCPTube 或 UDP Hop",
  "A game, or voice": "遊戲或語音",
  "A VPN, such as WireGuard": "VPN，如 WireGuard",
  "The web, many short connections": "網頁，許多短連線",
  "Long transfers": "長時間傳輸",
  "Hardly any": "幾乎不掉包",
  "About one in a hundred": "約 1%",
  "One in twenty, or more": "5% 或更高",
  "Remove entry {0}": "刪除第 {0} 項",
  "Add an entry": "新增一項",
  "Ports": "網路介面",
  "Remove this port": "刪除此網路介面",
  "Add a port": "新增網路介面",
  "Tunnel": "隧道",
  "Tunnels": "隧道",
  "Add a tunnel": "新增隧道",
  "Remove this tunnel": "刪除此隧道",
  "The box": "設備",
  "Find a setting": "查詢設定",
  "The reference": "參考手冊",
  "Advanced settings, too": "也顯示高階設定",
  "Go there": "前往",
  "The same tunnel for KCPTube or UDP Hop": "同一隧道，供 KCPTube 或 UDP Hop 使用",
  "What comes of it": "產生結果",
  "All settings": "全部設定",
  "Take line {0} away": "刪除第 {0} 行",
  "Take it away": "刪除它",
  "Call it {0}": "改名為 {0}",
  "Write {0}": "寫成 {0}",
  "Add {0}: {1}": "新增 {0}：{1}",
  "Generate a password": "生成密碼",
  "Take the comment away": "刪除註釋",
  "Take the comma away": "刪除逗號",
  "Changed: {0}": "已更改：{0}",
  "Line {0}": "第 {0} 行",
  "What only a machine knows, its CPUs, directories and files, kcpgate --check-config says there.":
    "只有機器本身知道的（CPU、目錄和檔案），由那裡的 kcpgate --check-config 說明。",
  "What it says": "檢查結果",
  "Read as a .conf file, as kcpgate --import reads it.": "按 .conf 檔案讀取，與 kcpgate --import 相同。",
  "Read as a configuration of kcpgate, as kcpgate --check-config reads it.":
    "按 kcpgate 的配置讀取，與 kcpgate --check-config 相同。",
  "Go on with all settings": "在全部設定中繼續",
  "{0} was read.": "已讀取 {0}。",
  "Paste a configuration of kcpgate, or a .conf file of KCPTube or UDP Hop, or open one.":
    "貼上 kcpgate 的配置，或 KCPTube、UDP Hop 的 .conf 檔案，或開啟一個檔案。",
  "The file's text": "檔案內容",
  "Open a file": "開啟檔案",
  "Check a file": "檢查檔案",
  "choose": "請選擇",
  "not written": "未寫",
  "not written: {0}": "未寫：{0}",
  "required": "必填",
  "Overhead": "開銷",
  "{0} of each full packet of {1} bytes, {2}": "每個 {1} 位元組的滿長資料包佔用 {0}，即 {2}",
  "Parity": "冗餘包",
  "none: what is lost is sent again, a round trip later": "無：掉包要多等一個往返時間才會重傳",
  "{0} datagrams more for each {1}: {2} of bandwidth; any {0} of {3} may be lost":
    "每 {1} 個資料報附加 {0} 個冗餘包，多佔頻寬 {2}；每 {3} 個中最多可丟失任意 {0} 個",
  "Hops": "跳躍",
  "none: what is lost is gone": "無：丟失的資料不會補發",
  "none: there is one port and one address": "無：只有一個連接埠和一個地址",
  "only away from where nothing comes from": "僅在收不到對端資料時更換",
  "every {0} s, among what the record says": "每 {0} 秒一次，在記錄所列的範圍內",
  "every {0} s, among {1} ports and addresses": "每 {0} 秒一次，在 {1} 個連接埠和地址之間",
  "{0} and {1} segments: up to {2} for a channel whose windows are full":
    "{0} 和 {1} 個分段：視窗全滿的通道最多佔用 {2}",
  "Windows": "視窗",
  "they grow where the path needs it": "依需要自動增大",
  "where the client says": "由用戶端指定",
  "this box": "本設備",
  "the other end": "另一端",
  "applications at": "應用位於",
  "server": "伺服器端",
  "client": "用戶端",
  "connects to": "連線到",
  "clients": "各用戶端",
  "relay": "中繼",
  "Copied.": "已複製。",
  "{0} was written.": "已寫出 {0}。",
  "Copy {0}": "複製 {0}",
  "Copy": "複製",
  "Download {0}": "下載 {0}",
  "Download": "下載",
  "Nothing is wrong with it.": "沒有發現錯誤。",
  "error": "錯誤",
  "warning": "警告",
  "whole number, {0} to {1}": "整數，{0} 到 {1}",
  "Name of this box. Two boxes on one machine need different names.":
    "本設備的名稱。同一台機器上的兩個設備需要不同的名稱。",
  "name": "名稱",
  "CPUs that move packets, one worker thread on each. CPU 0 exists everywhere; a box with cores to spare gives the tunnel others and leaves CPU 0 to Linux.":
    "處理資料包的 CPU，每個 CPU 執行一個工作執行緒。任何機器都有 CPU 0；核心充足的設備可把其他核心分給隧道，把 CPU 0 留給 Linux。",
  "whole number, or list, 0 to 1023": "整數或列表，0 到 1023",
  "Threads that serve the sockets of applications, anywhere on the CPUs the process may use. More than one helps when one is busy all the time, and there are CPUs to spare: connections and UDP flows are spread over them.":
    "為應用的通訊端服務的執行緒，可在行程能用的任何 CPU 上。當一個執行緒一直忙碌且有 CPU 富餘時，多個執行緒有用：連線和 UDP 流會分攤到它們上面。",
  "`busy` never sleeps; `adaptive` sleeps while there is nothing to do, until a frame, a message or a timer wakes it, and naps 100 µs at most under load, so that work gathers.":
    "`busy` 從不休眠；`adaptive` 閒置時休眠，直到有幀、訊息或計時器將其喚醒；有負載時每次最多短暫休眠 100 µs，以便批次處理。",
  "Memory for packets and channels.": "用於資料包和通道的記憶體。",
  "Where Prometheus finds the box's numbers: `unix:/path`, a socket of the box's user, or an address of the loopback with a port, `127.0.0.1:9464`.":
    "Prometheus 在哪裡取得本設備的數字：`unix:/path`（屬於設備使用者的通訊端），或回送地址加連接埠，如 `127.0.0.1:9464`。",
  "text": "文字",
  "Further options for DPDK's EAL, one text each. Options on the command line come after these.":
    "傳給 DPDK EAL 的其他選項，每條一個文字。命令列上的選項排在它們之後。",
  "text, or list": "文字或列表",
  "UDP ports from which clients' channels leave, one range of 64 to 16384. Those that Linux has a socket on are left alone.":
    "用戶端通道發出時使用的 UDP 連接埠，一個含 64 到 16384 個連接埠的範圍。Linux 已有通訊端的連接埠不會動用。",
  "port, range, or list": "連接埠、範圍或列表",
  "Network ports that DPDK drives.": "由 DPDK 驅動的網路介面。",
  "Tunnels.": "隧道。",
  "Use hugepages. `false` works everywhere, slower.": "使用大型分頁。`false` 在任何機器上都可用，但較慢。",
  "Other programs of DPDK may attach, `dpdk-dumpcap` for one: the hugepages are files while the box runs, and who may open these may read and write all in them.":
    "允許其他 DPDK 程式（例如 `dpdk-dumpcap`）接入：執行期間大型分頁以檔案形式存在，能開啟這些檔案的人可以讀寫其中的一切。",
  "MiB for packets and channels; the box never takes more.": "用於資料包和通道的記憶體（MiB）；設備絕不會佔用更多。",
  "Name in messages and counters.": "訊息和計數器中的名稱。",
  "PCI address (`0000:03:00.0`), or a DPDK virtual device with its arguments (`net_af_xdp0,iface=eth1`).":
    "PCI 地址（`0000:03:00.0`），或帶參數的 DPDK 虛擬裝置（`net_af_xdp0,iface=eth1`）。",
  "Kernel interface that mirrors the port: same MAC, the addresses, up. Linux gets and sends there whatever belongs to no tunnel.":
    "與該網路介面對應的核心介面：相同的 MAC、這些地址、已啟用。不屬於任何隧道的資料由 Linux 在此收發。",
  "interface name": "介面名稱",
  "What makes the interface `tap`: `tap` Linux's own driver, or `vhost` the kernel's vhost-net, to which a burst costs one notification; where that cannot be had it is `tap` again, with a warning.":
    "由什麼建立介面 `tap`：`tap` 是 Linux 自己的驅動；`vhost` 是核心的 vhost-net，一批資料只需一次通知；無法使用時仍為 `tap`，並給出警告。",
  "Bytes of the largest IP packet; 1280 or more with IPv6.": "最大 IP 包的位元組數；使用 IPv6 時至少 1280。",
  "VLAN whose tagged frames the port takes and sends; 0: untagged.":
    "該網路介面收發哪個 VLAN 的帶標籤幀；0：不帶標籤。",
  "Several workers: rules in the NIC bring each of them what is sent to its share of a server's `listen_port`.":
    "有多個工作執行緒時：網路卡中的規則把發往伺服器端 `listen_port` 各份額的資料帶給各自的工作執行緒。",
  "Linux's ICMP errors about tunnels' UDP ports leave, as those about others do. Who asks can then tell which ports are in use.":
    "Linux 關於隧道 UDP 連接埠的 ICMP 錯誤照樣發出，與其他連接埠一樣。這樣詢問者就能看出哪些連接埠在使用。",
  "What Linux has on the interface under the port, addresses, routes and neighbours, moves to the TAP, and back at the end. `false`: addresses and routes there are an error.":
    "Linux 在網路介面之下的介面上所有的地址、路由和鄰居移到 TAP，結束時移回。`false`：那裡有地址和路由就是錯誤。",
  "The port's own addresses, with prefix length, at most 16.": "網路介面自己的地址，帶首碼長度，最多 16 個。",
  "address/length, or list": "地址/長度，或列表",
  "Routers for everything else, at most one per IP version, in one of the addresses' networks.":
    "預設閘道，用於其他所有目的地，每個 IP 版本最多一個，須位於上述地址所在的網段。",
  "IP address, or list": "IP 地址或列表",
  "Not there.": "沒有此設定。",
  "`client` takes connections of applications, `server` makes them. `relay` has the tunnel's wire on both sides: see below.":
    "`client` 接受應用程式的連線，`server` 建立到應用程式的連線。`relay` 兩側都是隧道：見下文。",
  "Relay: the leg towards the clients, which is a server's.": "中繼：朝向用戶端的一段，相當於伺服器端。",
  "Relay: the leg towards the server, which is a client's.": "中繼：朝向伺服器端的一段，相當於用戶端。",
  "Local addresses: for a client's applications, for a server's tunnel. `0.0.0.0`: any of IPv4, `::`: any of IPv6. None: any address.":
    "本地地址：用戶端用於應用，伺服器端用於隧道。`0.0.0.0`：任意 IPv4；`::`：任意 IPv6。不寫：任意地址。",
  "Client: the one TCP and UDP port for applications, or `{}` for those of `custom_input`. Server: the UDP ports of the tunnel, as many as you like.":
    "用戶端：供應用使用的那一個 TCP 和 UDP 連接埠，或用 `{}` 表示 `custom_input` 中的連接埠。伺服器端：隧道的 UDP 連接埠，數量不限。",
  "Takes several ports in a client and uses the lowest; hangs on a range up to 65535; refuses `5-5`.":
    "用戶端寫多個連接埠時取最小的；範圍到 65535 時會卡死；拒絕 `5-5`。",
  "Client: the server's UDP ports, one is chosen at random for every channel. Server: the one port of the application, or `{}`: the client says where to.":
    "用戶端：伺服器端的 UDP 連接埠，每個通道隨機選一個。伺服器端：應用的那一個連接埠，或 `{}`：由用戶端指定目標。",
  "Up to v0.7.7 a server with `{}` needs a port and an address besides.":
    "v0.7.7 及以前，寫 `{}` 的伺服器端還需要連接埠和地址。",
  "Client: the server, one of several is chosen at random for every channel. Server: the one address of the application, or `{}`: the client says where to. One `{}` is enough for both keys.":
    "用戶端：伺服器端，有多個時每個通道隨機選一個。伺服器端：應用的那一個地址，或 `{}`：由用戶端指定目標。兩個鍵寫一個 `{}` 就夠。",
  "Asks for names of a client's servers once.": "用戶端的伺服器端名稱只查詢一次。",
  "IP address or host name, or list": "IP 地址、主機名，或列表",
  "Client: the name of a DNS TXT record, `198.18.0.2:3000` or `[fd00:18::2]:3000`, instead of the two above.":
    "用戶端：一條 DNS TXT 記錄的名稱，記錄內容為 `198.18.0.2:3000` 或 `[fd00:18::2]:3000`，代替以上兩項。",
  "Asks once; the last of several records counts.": "只查詢一次；有多條記錄時以最後一條為準。",
  "host name": "主機名",
  "Server with one `listen_port`: STUN servers that are asked how this port looks from outside, so often that a NAT does not forget it. Port 3478 unless given.":
    "僅限只有一個 `listen_port` 的伺服器端：用於查詢此連接埠外部地址的 STUN 伺服器；查詢足夠頻繁，使 NAT 對應不會失效。不寫連接埠時為 3478。",
  "Takes no port; asks by IPv4 only.": "不接受連接埠；只用 IPv4 詢問。",
  "host, host:port, or list": "主機、主機:連接埠，或列表",
  "Program that is run with `ADDRESS:PORT` when the outside IPv4 address has changed.":
    "外部 IPv4 地址變化時執行的程式，參數為 `ADDRESS:PORT`。",
  "Leaves it its descriptors.": "會把自己的檔案描述元留給該程式。",
  "The same with `[ADDRESS]:PORT` for IPv6.": "IPv6 時相同，參數為 `[ADDRESS]:PORT`。",
  "Gives it the port of IPv4.": "給它的是 IPv4 的連接埠。",
  "Directory, which must be there, for the tunnel's messages, its status every minute, and `ip_address.txt`, which has the outside addresses.":
    "必須已存在的目錄，存放該隧道的訊息、每分鐘的狀態，以及含有外部地址的 `ip_address.txt`。",
  "`ip_address.log` loses the addresses after a second.": "`ip_address.log` 一秒後就丟失地址。",
  "Must be the same at both ends. `XOR` and `none` take no password, keep nothing secret and find only accidental changes.":
    "兩端必須相同。`XOR` 和 `none` 不用密碼，不保密，只能發現偶然的改變。",
  "Must be the same at both ends; required for all algorithms but `XOR` and `none`. White space around it does not count.":
    "兩端必須相同；除 `XOR` 和 `none` 外的演算法都必須有。首尾的空白不算。",
  "A file with the password, one line, in place of `encryption_password`; read at the start and at a reload.":
    "含有密碼的檔案，只有一行，代替 `encryption_password`；在啟動和重新載入時讀取。",
  "path": "路徑",
  "Seconds after which a silent UDP flow ends. Other numbers mean the default, with a warning.":
    "UDP 流閒置多少秒後結束。其他數值按預設值處理，並給出警告。",
  "Datagrams for applications: `sequence` gives them in the order in which they were sent, so that one that is lost and sent again holds up those behind it; `arrival` gives each as soon as it is whole, for games, voice and VPNs.":
    "給應用的資料報：`sequence` 按傳送順序交付，丟失後重發的會擋住後面的；`arrival` 一旦完整就交付，適合遊戲、語音和 VPN。",
  "Milliseconds after which a datagram of an application is of no use: one that still waits is thrown away, and one that was lost is not sent again, for games and voice: `300` suits most. Each end has its own, for what it sends. 0: each is sent until it arrives.":
    "應用的資料報多少毫秒後不再有用：還在等待的被丟棄，丟失的不再重發，適合遊戲和語音：多數情況下 `300` 即可。兩端各自設定，只對自己發出的生效。0：一直重發到送達。",
  "Seconds between signs of life in a channel; 0: none. Larger numbers are taken as the largest, with a warning.":
    "通道中每隔多少秒傳送一次保活包（Keep Alive）；0：不傳送。更大的數值按最大值處理，並給出警告。",
  "Takes negative numbers as 0.": "負數按 0 處理。",
  'Client: seconds between hops to another of the server\'s ports and addresses; `"30-90"`: by chance in between. 0: only away from where nothing comes from. Without effect where there is one port and one address.':
    '用戶端：每隔多少秒跳到伺服器端的另一個連接埠和地址；`"30-90"`：在其間隨機。0：只在沒有任何資料到來時離開。只有一個連接埠和一個地址時不起作用。',
  "1 to 19 count as 20, for a hop there may lose something. 0 stays with what is silent. No intervals.":
    "1 到 19 按 20 處理，因為那裡的跳躍可能丟資料。0 會留在沒有回音的地方。沒有區間。",
  "seconds, or text `FROM-TO`": "秒，或文字 `FROM-TO`",
  "Bits per second towards the peer, number or text with a unit: `K` `M` `G` count in 1024, `k` `m` `g` in 1000. Sizes the send window once the delay is known. 0: windows stay as set.":
    "朝對端的每秒位元數，數字或帶單位的文字：`K` `M` `G` 按 1024，`k` `m` `g` 按 1000。延遲已知後決定傳送視窗。0：視窗保持所設。",
  "Loses the last digit of a number without unit.": "會丟掉無單位數字的最後一位。",
  "bits per second": "bps（位元/秒）",
  "The same from the peer, for the receive window.": "來自對端的同一數值，用於接收視窗。",
  "No IPv6 in this tunnel.": "此隧道不用 IPv6。",
  "Any value, `no` too, switches it on.": "任何值（包括 `no`）都會開啟它。",
  "No IPv4 in this tunnel.": "此隧道不用 IPv4。",
  "UDP of applications that comes and goes through a port does not pass through Linux, once its flow is known there. `false`: for Linux to filter or translate it.":
    "經網路介面進出的應用 UDP，在流已知之後不再經過 Linux。`false`：供 Linux 過濾或轉換。",
  "Client: VRF, or another interface of Linux, by which applications come in. With one there is no `fast_path`.":
    "用戶端：應用由哪個 VRF 或 Linux 的其他介面進來。寫了它就沒有 `fast_path`。",
  "`fib_ingress`, on FreeBSD.": "`fib_ingress`，在 FreeBSD 上。",
  "Server: VRF, or another interface of Linux, by which applications are connected to. Names are asked for without it. With one there is no `fast_path`.":
    "伺服器端：經哪個 VRF 或 Linux 的其他介面連線應用。查詢名稱時不用它。寫了它就沒有 `fast_path`。",
  "`fib_egress`, on FreeBSD.": "`fib_egress`，在 FreeBSD 上。",
  "Send data at once instead of on the grid of `kcp_interval`.": "立即傳送資料，而不是按 `kcp_interval` 的節拍。",
  "Bytes of the largest IP packet that passes from end to end. `kcp_mtu` follows from it.":
    "能從一端通到另一端的最大 IP 包的位元組數。`kcp_mtu` 由它得出。",
  "Its packets come out up to 48 bytes larger than it says.": "它的包會比所寫的多出最多 48 位元組。",
  "What passes to each peer, in bytes of IP packets: `auto` finds it out, `off` does not ask and lets routers cut, a number is taken as it stands.":
    "到各對端能通過的最大 IP 資料包，以位元組計：`auto` 自動探測；`off` 不探測，由路由器分段；數字則直接採用。",
  "The kernel learns from routers only.": "核心只從路由器得知。",
  "`auto`, `off`, or whole number, 576 to 65535": "`auto`、`off`，或整數，576 到 65535",
  "Bytes of one KCP datagram, its 24-byte headers included. Without effect beside `mtu`.":
    "一個 KCP 資料報的位元組數，包括其 24 位元組的頭。寫了 `mtu` 時不起作用。",
  "1418 unless set; no limits.": "不設時為 1418；沒有限制。",
  "whole number, 0 or 64 to 2000": "整數，0 或 64 到 2000",
  "Preset of the KCP numbers. `manual`: the four below.": "KCP 參數的預設方案。`manual`：手動設定下面四項。",
  "How the time-out of a segment grows: 0 doubles it, 1 adds half of it, 2 adds half of the current estimate. Only with `manual`.":
    "分段的逾時如何增長：0 加倍，1 加上其一半，2 加上當前估計的一半。只用於 `manual`。",
  "Milliseconds of the grid on which is sent when `blast` is off. Only with `manual`.":
    "`blast` 關閉時傳送節拍的毫秒數。只用於 `manual`。",
  "Later datagrams acknowledged before a missing one is sent again; 0: wait for the time-out. Only with `manual`.":
    "缺失的資料報之後確認了多少個才重發它；0：等待逾時。只用於 `manual`。",
  "No congestion window. Only with `manual`.": "不用擁塞視窗。只用於 `manual`。",
  "Segments under way at most, at least those of a datagram of `mtu` bytes. Bandwidth × delay / `kcp_mtu` is enough. Not written: as many may be unacknowledged, and what is acknowledged behind a loss does not count. Larger numbers are taken as the largest, with a warning.":
    "最多有多少分段在途，至少要容下一個 `mtu` 位元組的資料報。頻寬 × 延遲 / `kcp_mtu` 就夠。不寫：可以有這麼多未被確認，丟失之後已確認的不算。更大的數字按最大值處理，並給出警告。",
  "Stalls its peer with windows over 65535.": "視窗超過 65535 時會讓對端停住。",
  "Segments held for the application at most, 128 at least. Not written: more where the path needs it, up to 65535 and as far as memory goes. Larger numbers are taken as the largest, with a warning.":
    "最多為應用保留多少分段，至少 128。不寫：線路需要時會更多，最多 65535，且以記憶體為限。更大的數字按最大值處理，並給出警告。",
  "How fast data leaves: `auto` finds out what the path has, keeps queues short, and takes windows and bandwidths that are written for upper bounds; `fair` takes as much as a TCP connection beside it; `scavenger` takes what others leave, and gives way to any queue; bits per second are to arrive, and up to three tenths more than that is sent where so much is lost; `window` sends a window in each round trip, and less where a queue overflows by it. Without `kcp_nc` there is only `window`.":
    "資料以多快的速度發出：`auto` 找出線路有多少，使佇列保持短，並把所寫的視窗和頻寬當作上限；`fair` 與旁邊的一條 TCP 連線占得一樣多；`scavenger` 只用別人剩下的，一有佇列就讓路；寫每秒位元數，就要到達這麼多，丟失時最多多發三成來補足；`window` 每個往返發一個視窗，佇列因此溢出時減少。沒有 `kcp_nc` 就只有 `window`。",
  "Forward error correction: of every DATA datagrams of a channel, PARITY more are made; as many may be lost without anything sent again. 255 at most together. Must be the same at both ends. None, or a 0 on either side: off.":
    "前向糾錯：通道中每 DATA 個資料報附加 PARITY 個冗餘包；丟失不超過 PARITY 個時無需重傳。兩者之和最多 255。兩端必須相同。不寫或任一側為 0：關閉。",
  "Right parity only up to v0.7.2; since v0.7.5 no connection comes about.":
    "只有 v0.7.2 及更早版本的冗餘包是正確的；從 v0.7.5 起無法建立連線。",
  "text `DATA:PARITY`": "文字 `DATA:PARITY`",
  "Client: so many channels, opened at the start, that all connections and UDP flows share; every worker has one at least. 0: each has a channel of its own. A server takes both. Larger numbers are taken as the largest, with a warning.":
    "用戶端：啟動時開啟多少個通道，由所有連線和 UDP 流共用；每個工作執行緒至少有一個。0：各有自己的通道。伺服器端兩者都接受。更大的數字按最大值處理，並給出警告。",
  'Client with `"listen_port": "{}"`: where applications come in, and where the server shall connect them to.':
    '寫了 `"listen_port": "{}"` 的用戶端：應用從哪裡進來，以及伺服器端要把它們連線到哪裡。',
  "Since v0.7.0 a client with mappings does not start.": "自 v0.7.0 起，帶對應的用戶端無法啟動。",
  "Server with `{}`: what clients may reach. None: everything.":
    "寫了 `{}` 的伺服器端：用戶端可以到達什麼。不寫：全部。",
  "address:ports, or list": "地址:連接埠，或列表",
  "What is taken.": "接受什麼。",
  "Where applications come in: `:8000` on any address, `127.0.0.1:8000`, `[fd00:18::1]:8000`.":
    "應用從哪裡進來：`:8000` 任意地址，`127.0.0.1:8000`，`[fd00:18::1]:8000`。",
  "address:port, or :port": "地址:連接埠，或 :連接埠",
  "Where the server connects them to: `127.0.0.1:8000`, `[::1]:53`, or `host.name:443`, which the server resolves.":
    "伺服器端把它們連線到哪裡：`127.0.0.1:8000`、`[::1]:53`，或由伺服器端解析的 `host.name:443`。",
  "address:port, or name:port": "地址:連接埠，或名稱:連接埠",
  "What the wire is, the same at both ends. `kcptube`: TCP and UDP, and what is lost is sent again. `udphop`: UDP alone, each datagram once, as UDP Hop does it, for VPNs and games that repair themselves: docs/udphop.md.":
    "傳輸協定，兩端必須相同。`kcptube`：支援 TCP 和 UDP，掉包會重傳。`udphop`：僅支援 UDP，每個資料報只發一次，與 UDP Hop 相同，適合自帶重傳或容錯的 VPN 和遊戲：docs/udphop.md。",
  "UDP Hop is a program of its own.": "UDP Hop 是另一個程式。",
  "Client: 5-tuples, each with a local port of its own, over which all channels to an address of the server are spread at once, both ways, where a carrier caps or punishes each; one that is punished is left for another. 1: one, which is left when it is punished. 0: each channel has its own, and nobody looks. Needs `rate` `auto`.":
    "用戶端：同時使用的五元組數量，每個都有自己的本機連接埠；到伺服器端同一地址的所有通道雙向分攤到它們上面，適合電信商對單一五元組限速或懲罰的網路；受到懲罰的會被換掉。1：只用一個，受到懲罰時更換。0：每個通道各用自己的，不作偵測。需要 `rate` 為 `auto`。",
};
