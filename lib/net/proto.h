/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers and field offsets of Ethernet, IP and UDP headers, for the files of lib/net. */
#pragma once

/* Ethernet: offset of the type; 802.1Q: type and id follow the addresses */
#define KG_ETHERTYPE_AT       12
#define KG_ETHERTYPE_IPV4     0x0800
#define KG_ETHERTYPE_ARP      0x0806
#define KG_ETHERTYPE_VLAN     0x8100 /* 802.1Q */
#define KG_ETHERTYPE_IPV6     0x86dd
#define KG_ETHERTYPE_QINQ     0x88a8 /* 802.1ad */
#define KG_ETHERTYPE_QINQ_OLD 0x9100
#define KG_VLAN_ID_MASK       0x0fff

/* IPv4, RFC 791 §3.1 */
#define KG_IPV4_LENGTH_AT     2
#define KG_IPV4_ID_AT         4
#define KG_IPV4_FRAGMENT_AT   6
#define KG_IPV4_DONT_FRAGMENT 0x4000
#define KG_IPV4_FRAGMENT_MASK 0x3fff /* more fragments, offset */
#define KG_IPV4_OFFSET_MASK   0x1fff
#define KG_IPV4_TTL_AT        8
#define KG_IPV4_PROTOCOL_AT   9
#define KG_IPV4_CSUM_AT       10
#define KG_IPV4_ADDRESSES_AT  12

/* IPv6, RFC 8200 §3 */
#define KG_IPV6_LENGTH_AT      4
#define KG_IPV6_NEXT_HEADER_AT 6
#define KG_IPV6_HOP_LIMIT_AT   7
#define KG_IPV6_ADDRESSES_AT   8

/* IPv6 fragment header, RFC 8200 §4.5 */
#define KG_FRAGMENT_BYTES       8
#define KG_FRAGMENT_NEXT_AT     0
#define KG_FRAGMENT_OFFSET_AT   2
#define KG_FRAGMENT_OFFSET_MASK 0xfff8
#define KG_FRAGMENT_MORE        0x0001
#define KG_FRAGMENT_ID_AT       4

/* IANA protocol numbers */
#define KG_PROTO_ICMP     1
#define KG_PROTO_TCP      6
#define KG_PROTO_UDP      17
#define KG_PROTO_FRAGMENT 44
#define KG_PROTO_ICMPV6   58
#define KG_PROTO_NONE     59 /* no next header */

/* ICMP, RFC 792, and ICMPv6, RFC 4443: types, and what precedes the quoted packet of an error */
#define KG_ICMP_BYTES                     8
#define KG_ICMP_UNREACHABLE               3
#define KG_ICMP_FRAGMENTATION_NEEDED      4 /* a code of the above, RFC 1191 §4 */
#define KG_ICMP_MTU_AT                    6
#define KG_ICMP_REDIRECT                  5
#define KG_ICMP_TIME_EXCEEDED             11
#define KG_ICMP_PARAMETER                 12
#define KG_ICMPV6_TOO_BIG                 2 /* RFC 4443 §3.2 */
#define KG_ICMPV6_MTU_AT                  4
#define KG_ICMPV6_INFORMATION             0x80 /* bit: it is no error */
#define KG_ICMPV6_NEIGHBOUR_SOLICITATION  135  /* RFC 4861 §4.3 */
#define KG_ICMPV6_NEIGHBOUR_ADVERTISEMENT 136
#define KG_ICMPV6_REDIRECT                137

/* TCP, RFC 9293 §3.1 */
#define KG_TCP_BYTES       20
#define KG_TCP_PORTS_BYTES 4
#define KG_TCP_SEQ_AT      4
#define KG_TCP_ACK_AT      8
#define KG_TCP_OFFSET_AT   12 /* of the payload, in words of four bytes, in the upper half */
#define KG_TCP_FLAGS_AT    13
#define KG_TCP_WINDOW_AT   14
#define KG_TCP_CSUM_AT     16
#define KG_TCP_URGENT_AT   18
#define KG_TCP_FIN         0x01
#define KG_TCP_PSH         0x08
#define KG_TCP_ACK         0x10
#define KG_TCP_CWR         0x80 /* RFC 3168 §6.1 */

/* UDP, RFC 768 */
#define KG_UDP_LENGTH_AT 4
#define KG_UDP_CSUM_AT   6
