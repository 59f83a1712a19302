<?xml version="1.0"?>
<!-- The manual page of an agent, from its meta-data. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="text" encoding="UTF-8"/>

<xsl:template match="/resource-agent">
  <xsl:text>.\" Written by man/agent.xsl from the agent's meta-data.&#10;.TH OCF_HAWSER_</xsl:text>
  <xsl:value-of select="translate(@name, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')"/>
  <xsl:text> 7 "" "Hawser </xsl:text>
  <xsl:value-of select="@version"/>
  <xsl:text>" "OCF resource agents"&#10;.SH NAME&#10;ocf_hawser_</xsl:text>
  <xsl:value-of select="@name"/>
  <xsl:text> \- </xsl:text>
  <xsl:apply-templates select="shortdesc"/>
  <xsl:text>.SH SYNOPSIS&#10;.B ocf:hawser:</xsl:text>
  <xsl:value-of select="@name"/>
  <xsl:text>&#10;.SH DESCRIPTION&#10;</xsl:text>
  <xsl:apply-templates select="longdesc"/>
  <xsl:text>.SH PARAMETERS&#10;</xsl:text>
  <xsl:apply-templates select="parameters/parameter"/>
  <xsl:text>.SH ACTIONS&#10;The timeouts and intervals are the recommended ones.&#10;</xsl:text>
  <xsl:apply-templates select="actions/action"/>
  <xsl:text>.SH SEE ALSO&#10;.BR hawser (8),&#10;.BR pcs (8),&#10;.BR crm (8),&#10;.BR crm_resource (8)&#10;</xsl:text>
</xsl:template>

<xsl:template match="parameter">
  <xsl:text>.TP&#10;\fB</xsl:text>
  <xsl:value-of select="@name"/>
  <xsl:text>\fR (</xsl:text>
  <xsl:if test="@required = 1">required, </xsl:if>
  <xsl:if test="@unique = 1">unique, </xsl:if>
  <xsl:value-of select="content/@type"/>
  <xsl:if test="content/@default">
    <xsl:text>, default \fB</xsl:text>
    <xsl:call-template name="escape">
      <xsl:with-param name="text" select="content/@default"/>
    </xsl:call-template>
    <xsl:text>\fR</xsl:text>
  </xsl:if>
  <xsl:if test="@reloadable = 1">, reloadable</xsl:if>
  <xsl:text>)&#10;</xsl:text>
  <xsl:apply-templates select="longdesc"/>
</xsl:template>

<xsl:template match="action">
  <xsl:text>.TP 15&#10;\fB</xsl:text>
  <xsl:call-template name="escape"><xsl:with-param name="text" select="@name"/></xsl:call-template>
  <xsl:text>\fR&#10;timeout </xsl:text>
  <xsl:value-of select="@timeout"/>
  <xsl:if test="@interval">, interval <xsl:value-of select="@interval"/></xsl:if>
  <xsl:if test="@depth">, depth <xsl:value-of select="@depth"/></xsl:if>
  <xsl:text>&#10;</xsl:text>
</xsl:template>

<xsl:template match="longdesc | shortdesc">
  <xsl:call-template name="paragraphs"><xsl:with-param name="text" select="."/></xsl:call-template>
</xsl:template>

<!-- Blank lines part paragraphs. The mark in front keeps a dot there from being a request. -->
<xsl:template name="paragraphs">
  <xsl:param name="text"/>
  <xsl:variable name="break" select="'&#10;&#10;'"/>
  <xsl:text>\&amp;</xsl:text>
  <xsl:call-template name="escape">
    <xsl:with-param name="text" select="normalize-space(substring-before(concat($text, $break), $break))"/>
  </xsl:call-template>
  <xsl:text>&#10;</xsl:text>
  <xsl:if test="contains($text, $break)">
    <xsl:text>.PP&#10;</xsl:text>
    <xsl:call-template name="paragraphs">
      <xsl:with-param name="text" select="substring-after($text, $break)"/>
    </xsl:call-template>
  </xsl:if>
</xsl:template>

<!-- Backslashes and hyphens mean something else to roff than to a shell. -->
<xsl:template name="escape">
  <xsl:param name="text"/>
  <xsl:variable name="rest" select="translate($text, '\', '-')"/>
  <xsl:variable name="plain" select="substring-before(concat($rest, '-'), '-')"/>
  <xsl:value-of select="$plain"/>
  <xsl:if test="contains($rest, '-')">
    <xsl:choose>
      <xsl:when test="substring($text, string-length($plain) + 1, 1) = '-'">\-</xsl:when>
      <xsl:otherwise>\e</xsl:otherwise>
    </xsl:choose>
    <xsl:call-template name="escape">
      <xsl:with-param name="text" select="substring($text, string-length($plain) + 2)"/>
    </xsl:call-template>
  </xsl:if>
</xsl:template>
</xsl:stylesheet>
